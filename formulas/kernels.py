"""The formulas of the book in exact integers; printed by generate.py, not by hand.

Each takes its inputs by the names of the book's quantities and returns an exact Python integer.
"""

__all__ = [
    "channels_backend_ports_per_vm",
    "channels_dom0_base_ports",
    "channels_domu_ports",
    "channels_emulator_ports",
    "channels_local_ports",
    "channels_other_ports",
    "channels_ports_per_vcpu",
    "channels_stub_ports",
    "channels_vbd_rings",
    "channels_vbd_rings_agreed",
    "channels_vif_ports",
    "channels_vif_queues",
    "channels_vif_queues_agreed",
    "channels_xenserver_dom0_ports",
    "delivery_lock_wait_lower_bound",
    "delivery_lock_wait_upper_bound",
    "delivery_masked_ppm_bound",
    "delivery_saturation_raisers",
    "draft_a_control_block_bytes",
    "draft_a_max_array_pages",
    "draft_a_per_vcpu_array_bytes",
    "draft_a_per_vcpu_array_pages",
    "draft_a_total_array_pages_bound",
    "draft_a_total_array_pages_estimate",
    "draft_a_total_array_pages_if_packed",
    "draft_a_total_array_pages_lower_bound",
    "draft_a_vm_limit_driver_domains",
    "draft_a_vm_limit_estimate",
    "draft_a_vm_limit_per_vcpu",
    "draft_a_vm_limit_second_method",
    "fifo_backend_array_pages",
    "fifo_channels",
    "fifo_control_block_bytes",
    "fifo_control_pages",
    "fifo_domain_pages",
    "fifo_domu_array_pages",
    "fifo_event_array_pages",
    "fifo_guest_bytes",
    "fifo_packed_control_pages",
    "fifo_total_array_pages",
    "fifo_usable_ports",
    "fifo_vm_limit_backend_ports",
    "fifo_vm_limit_pages",
    "fifo_words_per_page",
    "heap_buckets",
    "heap_evtchns_per_bucket",
    "heap_evtchns_per_group",
    "heap_fifo_domain_bytes",
    "heap_fifo_struct_bytes",
    "heap_fifo_vcpu_bytes",
    "heap_group_pages",
    "heap_max_buckets",
    "heap_max_groups",
    "heap_struct_bytes_saved",
    "heap_xenheap_bytes",
    "heap_xenheap_pages",
    "initialisation_calls",
    "initialisation_calls_rolled_back",
    "initialisation_calls_until_failure",
    "initialisation_fifo_calls",
    "initialisation_fifo_pages_left",
    "initialisation_fifo_xenheap_left",
    "initialisation_pages",
    "initialisation_pages_left",
    "initialisation_pages_left_offline",
    "initialisation_pages_left_rolling_back",
    "initialisation_vcpus_online",
    "initialisation_vcpus_online_all_or_none",
    "initialisation_vcpus_online_short_of_pages",
    "limits_allowed_ports",
    "limits_linux_irq_row_pages",
    "limits_linux_irqs",
    "limits_mapping_pages",
    "limits_other_mappings",
    "limits_pv_vcpu_limit",
    "limits_registered_vcpus",
    "limits_vcpu_limit_ports",
    "limits_vm_limit_domids",
    "three_level_bitmap_bytes",
    "three_level_bitmap_pages",
    "three_level_channels",
    "three_level_selector_bytes",
    "three_level_vm_limit_backend_ports",
    "three_level_vm_limit_pages",
    "two_level_bitmap_bytes",
    "two_level_channels",
    "two_level_state_bytes",
    "two_level_vcpu_limit",
    "two_level_vcpu_limit_ports",
    "two_level_vm_limit_backend_ports",
    "two_level_vm_limit_published",
]


def draft_a_total_array_pages_estimate(vms: int, events_per_vm: int, words_per_page: int) -> int:
    """Pages as the draft reckons them: one in each domU, and E_V/E_P of a page in dom0. [draft_a.total_array_pages_estimate]"""
    return (-(-(vms*(events_per_vm + words_per_page)) // (words_per_page)))


def draft_a_vm_limit_estimate(pages: int, events_per_vm: int, words_per_page: int) -> int:
    """V = P ÷ (1 + E_V/E_P): a page for each domU, and the fraction of a page that its other ends fill in dom0. [draft_a.vm_limit_estimate]"""
    return ((pages*words_per_page) // (events_per_vm + words_per_page))


def draft_a_total_array_pages_bound(vms: int) -> int:
    """Two pages for each VM: one of its own, at most one in dom0. [draft_a.total_array_pages_bound]"""
    return 2*vms


def draft_a_total_array_pages_lower_bound(vms: int) -> int:
    """A page for each domU and one in dom0, however few events there are: Xen maps whole pages. [draft_a.total_array_pages_lower_bound]"""
    return vms + 1


def draft_a_total_array_pages_if_packed(vms: int, events_per_vm: int, backend_base_ports: int, words_per_page: int) -> int:
    """Pages if domUs' words could be packed into shared pages as dom0's are. [draft_a.total_array_pages_if_packed]"""
    return (-(-(vms*(events_per_vm + 1)) // (words_per_page))) + ((backend_base_ports + events_per_vm*vms) // (words_per_page)) + 1


def draft_a_max_array_pages(channels: int, words_per_page: int) -> int:
    """Event array pages of a domain that uses every port. [draft_a.max_array_pages]"""
    return ((channels - 1) // (words_per_page)) + 1


def draft_a_vm_limit_second_method(pages: int, driver_domains: int, max_array_pages: int) -> int:
    """V = P − (128 + D·128): what is left for domUs of one page each when dom0 and D driver domains have arrays of maximum size. Negative when nothing is left. [draft_a.vm_limit_second_method]"""
    return -driver_domains*max_array_pages - max_array_pages + pages


def draft_a_vm_limit_driver_domains(pages: int, driver_domains: int, events_per_driver_domain: int, max_array_pages: int, words_per_page: int) -> int:
    """V = P − (128 + D·E_D/E_P): the second method, for driver domains of E_D events. Negative when nothing is left. [draft_a.vm_limit_driver_domains]"""
    return -max_array_pages + pages - (-(-(driver_domains*events_per_driver_domain) // (words_per_page)))


def draft_a_per_vcpu_array_bytes(channels: int, vcpus: int) -> int:
    """Bytes of the dropped variant's arrays: 32 bits for each event on each VCPU. [draft_a.per_vcpu_array_bytes]"""
    return 4*channels*vcpus


def draft_a_per_vcpu_array_pages(highest_port: int, vcpus: int, words_per_page: int) -> int:
    """Whole pages of one domain in the dropped variant: an event array for each VCPU. [draft_a.per_vcpu_array_pages]"""
    return vcpus*(((highest_port) // (words_per_page)) + 1)


def draft_a_vm_limit_per_vcpu(pages: int, vcpus: int, dom0_vcpus: int, events_per_vm: int, words_per_page: int) -> int:
    """The draft's estimate for the dropped variant: an array for each VCPU on either side. With c = 1 it is the hybrid: only dom0 has per-VCPU arrays. [draft_a.vm_limit_per_vcpu]"""
    return ((pages*words_per_page) // (dom0_vcpus*events_per_vm + vcpus*words_per_page))


def draft_a_control_block_bytes(priority_levels: int, vcpus: int) -> int:
    """Bytes of the control blocks: head and tail words for each priority level of each VCPU. [draft_a.control_block_bytes]"""
    return 8*priority_levels*vcpus


def fifo_channels(link_bits: int) -> int:
    """Port numbers that the LINK field of an event word can hold. [fifo.channels]"""
    return (1 << (link_bits))


def fifo_words_per_page(page_bytes: int) -> int:
    """E_P: event words of 32 bits in a page of the event array. [fifo.words_per_page]"""
    return ((page_bytes) // (4))


def fifo_usable_ports(channels: int) -> int:
    """Ports a domain can bind: every port number but 0, which is never valid. [fifo.usable_ports]"""
    return channels - 1


def fifo_event_array_pages(highest_port: int, words_per_page: int) -> int:
    """Whole pages of event words up to the word of the highest port. [fifo.event_array_pages]"""
    return ((highest_port) // (words_per_page)) + 1


def fifo_domu_array_pages(vms: int, events_per_vm: int, words_per_page: int) -> int:
    """Event array pages of V VMs with E_V ports each, numbered from 1. [fifo.domu_array_pages]"""
    return vms*(((events_per_vm) // (words_per_page)) + 1)


def fifo_backend_array_pages(vms: int, events_per_vm: int, backend_base_ports: int, words_per_page: int) -> int:
    """Pages into which one backend domain packs the other ends, after its own ports. [fifo.backend_array_pages]"""
    return ((backend_base_ports + events_per_vm*vms) // (words_per_page)) + 1


def fifo_total_array_pages(vms: int, events_per_vm: int, backend_base_ports: int, words_per_page: int) -> int:
    """Event array pages of both sides. [fifo.total_array_pages]"""
    return vms*(((events_per_vm) // (words_per_page)) + 1) + ((backend_base_ports + events_per_vm*vms) // (words_per_page)) + 1


def fifo_vm_limit_pages(pages: int, events_per_vm: int, words_per_page: int, backend_base_ports: int, control_pages_per_vm: int) -> int:
    """The largest V whose whole pages fit in P: domU arrays, their control block pages, and the backend's packed array. [fifo.vm_limit_pages]"""
    return max(0, ((-backend_base_ports + pages*words_per_page - 1) // (events_per_vm + words_per_page*(control_pages_per_vm + ((events_per_vm) // (words_per_page)) + 1))))


def fifo_vm_limit_backend_ports(usable_ports: int, backend_base_ports: int, events_per_vm: int, backends: int) -> int:
    """VMs until the backend domains have no port left for another VM's other ends. [fifo.vm_limit_backend_ports]"""
    return backends*((max(0, -backend_base_ports + usable_ports)) // (events_per_vm))


def fifo_control_block_bytes(vcpus: int) -> int:
    """Bytes of the control blocks: ready, a reserved word and 16 heads for each VCPU. [fifo.control_block_bytes]"""
    return 72*vcpus


def fifo_control_pages(vcpus: int) -> int:
    """Pages that Linux gives to control blocks, and that Xen maps: one for each VCPU. [fifo.control_pages]"""
    return vcpus


def fifo_packed_control_pages(vcpus: int) -> int:
    """Guest pages that control blocks need: the ABI lets 56 of 72 bytes share one, where Linux gives each a page. Xen maps the page anew for every VCPU all the same. [fifo.packed_control_pages]"""
    return (-(-(vcpus) // (56)))


def fifo_domain_pages(highest_port: int, vcpus: int, words_per_page: int) -> int:
    """Pages of one domain: its event array, and a control block page for each VCPU. Xen maps each of them. [fifo.domain_pages]"""
    return vcpus + ((highest_port) // (words_per_page)) + 1


def fifo_guest_bytes(highest_port: int, vcpus: int, words_per_page: int, guest_page_bytes: int) -> int:
    """Guest memory of one domain's event state: Linux gives a page of its own size to each array page and each control block. [fifo.guest_bytes]"""
    return guest_page_bytes*(vcpus + ((highest_port) // (words_per_page)) + 1)


def two_level_channels(word_bits: int) -> int:
    """Port numbers: a selector word with a bit for each word of the bitmap. [two_level.channels]"""
    return ((word_bits)*(word_bits))


def two_level_bitmap_bytes(word_bits: int) -> int:
    """Bytes of the pending and the mask bitmap, a bit a port in each. [two_level.bitmap_bytes]"""
    return 2*(-(-(((word_bits)*(word_bits))) // (8)))


def two_level_state_bytes(word_bits: int, vcpus: int) -> int:
    """Bytes of both bitmaps and of one selector word in each VCPU's vcpu_info. [two_level.state_bytes]"""
    return vcpus*(-(-(word_bits) // (8))) + 2*(-(-(((word_bits)*(word_bits))) // (8)))


def two_level_vm_limit_published(word_bits: int, events_per_vm: int) -> int:
    """VMs as published: all port numbers of dom0 divided by the channels of one VM. [two_level.vm_limit_published]"""
    return ((((word_bits)*(word_bits))) // (events_per_vm))


def two_level_vm_limit_backend_ports(word_bits: int, backend_base_ports: int, events_per_vm: int, backends: int) -> int:
    """VMs until the backend domains have no port left for another VM's other ends. [two_level.vm_limit_backend_ports]"""
    return backends*((max(0, -backend_base_ports + ((word_bits)*(word_bits)) - 1)) // (events_per_vm))


def two_level_vcpu_limit(word_bits: int, per_vcpu_ports: int) -> int:
    """VCPUs of a PV guest whose ports are all spent on its VCPUs. [two_level.vcpu_limit]"""
    return ((((word_bits)*(word_bits))) // (per_vcpu_ports))


def two_level_vcpu_limit_ports(word_bits: int, fixed_ports: int, per_vcpu_ports: int) -> int:
    """VCPUs until the guest's own ports run out, port 0 and F other ports set aside. [two_level.vcpu_limit_ports]"""
    return ((max(0, -fixed_ports + ((word_bits)*(word_bits)) - 1)) // (per_vcpu_ports))


def three_level_channels(word_bits: int) -> int:
    """Port numbers with one more level of selectors. [three_level.channels]"""
    return ((word_bits)*(word_bits)*(word_bits))


def three_level_bitmap_bytes(word_bits: int) -> int:
    """Bytes of the pending and the mask bitmap, a bit a port in each. [three_level.bitmap_bytes]"""
    return 2*(-(-(((word_bits)*(word_bits)*(word_bits))) // (8)))


def three_level_bitmap_pages(word_bits: int) -> int:
    """Pages of the pending and the mask bitmap of one domain, 32768 bits a page. [three_level.bitmap_pages]"""
    return 2*(-(-(((word_bits)*(word_bits)*(word_bits))) // (32768)))


def three_level_selector_bytes(word_bits: int, vcpus: int) -> int:
    """Bytes of the second-level selectors: for each VCPU a bit for each word of the bitmap. [three_level.selector_bytes]"""
    return vcpus*(-(-(((word_bits)*(word_bits))) // (8)))


def three_level_vm_limit_pages(pages: int, array_pages: int, backends: int) -> int:
    """VMs whose bitmap pages fit in P beside those of the backend domains. [three_level.vm_limit_pages]"""
    return max(0, -backends + ((pages) // (array_pages)))


def three_level_vm_limit_backend_ports(word_bits: int, backend_base_ports: int, events_per_vm: int, backends: int) -> int:
    """VMs until the backend domains have no port left for another VM's other ends. [three_level.vm_limit_backend_ports]"""
    return backends*((max(0, -backend_base_ports + ((word_bits)*(word_bits)*(word_bits)) - 1)) // (events_per_vm))


def limits_mapping_pages(mapping_mib: int, guard_pages: int) -> int:
    """P at most: global mappings of one 4 KiB page that the address space holds, each with its guard pages. [limits.mapping_pages]"""
    return ((256*mapping_mib) // (guard_pages + 1))


def limits_other_mappings(vcpus: int, vcpu_areas: int, hvm_guest: int, ioreq_pages: int) -> int:
    """What a domain takes of the same space beside its event state: registered vcpu_info and runstate areas, a virtual APIC page for each VCPU of an HVM guest, ioreq pages. [limits.other_mappings]"""
    return ioreq_pages + vcpus*(hvm_guest + vcpu_areas)


def limits_vm_limit_domids(domain_ids: int, backends: int) -> int:
    """VMs until domain IDs run out, dom0 and driver domains set aside. [limits.vm_limit_domids]"""
    return max(0, -backends + domain_ids)


def limits_allowed_ports(max_event_channels: int, channels: int) -> int:
    """Ports that a domain can bind: up to its max_event_channels, which is a port number, and to the last port of its ABI. [limits.allowed_ports]"""
    return min(max_event_channels, channels - 1)


def limits_pv_vcpu_limit(virtual_mib: int) -> int:
    """MAX_VIRT_CPUS of an x86 PV guest: 128 KiB of Xen's address space for each VCPU's GDT and LDT. [limits.pv_vcpu_limit]"""
    return 8*virtual_mib


def limits_vcpu_limit_ports(usable_ports: int, fixed_ports: int, per_vcpu_ports: int) -> int:
    """VCPUs until the ports that a guest may use run out, under any ABI or max_event_channels. [limits.vcpu_limit_ports]"""
    return ((max(0, -fixed_ports + usable_ports)) // (per_vcpu_ports))


def limits_registered_vcpus(vcpus: int, legacy_vcpus: int) -> int:
    """VCPUs without a place in shared_info: each must register a vcpu_info, which Xen maps. [limits.registered_vcpus]"""
    return max(0, -legacy_vcpus + vcpus)


def limits_linux_irqs(kernel_cpus: int) -> int:
    """Events that a Linux guest can bind, each to an interrupt number: for a kernel built for few CPUs fewer than FIFO has ports. [limits.linux_irqs]"""
    return 64*kernel_cpus + 8192


def limits_linux_irq_row_pages(highest_port: int, guest_page_bytes: int) -> int:
    """Pages of evtchn_to_irq, Linux's table of 4 bytes a port: a row is a page, of 1024 ports with 4 KiB pages, and is allocated when a port in it is first bound. [limits.linux_irq_row_pages]"""
    return ((4*highest_port) // (guest_page_bytes)) + 1


def heap_evtchns_per_bucket(evtchn_bytes: int) -> int:
    """struct evtchn in a page when each takes the next power of two of bytes. [heap.evtchns_per_bucket]"""
    return ((4096) if ((evtchn_bytes <= 1)) else ((2048) if ((evtchn_bytes <= 2)) else ((1024) if ((evtchn_bytes <= 4)) else ((512) if ((evtchn_bytes <= 8)) else ((256) if ((evtchn_bytes <= 16)) else ((128) if ((evtchn_bytes <= 32)) else ((64) if ((evtchn_bytes <= 64)) else ((32) if ((evtchn_bytes <= 128)) else ((16) if ((evtchn_bytes <= 256)) else ((8) if ((evtchn_bytes <= 512)) else ((4) if ((evtchn_bytes <= 1024)) else ((2) if ((evtchn_bytes <= 2048)) else (1)))))))))))))


def heap_buckets(highest_port: int, evtchns_per_bucket: int) -> int:
    """Pages of struct evtchn up to the one of the highest port. [heap.buckets]"""
    return ((highest_port) // (evtchns_per_bucket)) + 1


def heap_evtchns_per_group(evtchns_per_bucket: int) -> int:
    """struct evtchn that one group reaches: a page of 512 pointers, each to a bucket. [heap.evtchns_per_group]"""
    return 512*evtchns_per_bucket


def heap_group_pages(highest_port: int, evtchns_per_bucket: int) -> int:
    """Pages of 512 bucket pointers; none while one bucket is enough. [heap.group_pages]"""
    return ((0) if ((evtchns_per_bucket > highest_port)) else (((highest_port) // (512*evtchns_per_bucket)) + 1))


def heap_max_buckets(channels: int, evtchns_per_bucket: int) -> int:
    """Buckets that hold every port of the ABI; before groups, so many pointers. [heap.max_buckets]"""
    return (-(-(channels) // (evtchns_per_bucket)))


def heap_max_groups(channels: int, evtchns_per_bucket: int) -> int:
    """NR_EVTCHN_GROUPS: groups that hold every port of the ABI. [heap.max_groups]"""
    return (-(-(channels) // (512*evtchns_per_bucket)))


def heap_struct_bytes_saved(max_buckets: int, max_groups: int) -> int:
    """Bytes by which struct domain shrank when bucket pointers gave way to one and the group pointers. [heap.struct_bytes_saved]"""
    return 8*max_buckets - 8*max_groups - 8


def heap_xenheap_pages(highest_port: int, evtchns_per_bucket: int) -> int:
    """Buckets, and pages of 512 bucket pointers once there is more than one bucket. [heap.xenheap_pages]"""
    return ((0) if ((evtchns_per_bucket > highest_port)) else (((highest_port) // (512*evtchns_per_bucket)) + 1)) + ((highest_port) // (evtchns_per_bucket)) + 1


def heap_fifo_vcpu_bytes(vcpus: int, priority_levels: int) -> int:
    """Bytes of struct evtchn_fifo_vcpu, one for each VCPU: a pointer, and a queue of 24 bytes for each priority. [heap.fifo_vcpu_bytes]"""
    return vcpus*(24*priority_levels + 8)


def heap_fifo_domain_bytes(max_array_pages: int) -> int:
    """Bytes of struct evtchn_fifo_domain: a pointer for each array page, and their number. [heap.fifo_domain_bytes]"""
    return 8*max_array_pages + 8


def heap_fifo_struct_bytes(vcpus: int) -> int:
    """Bytes of struct evtchn_fifo_domain and of one struct evtchn_fifo_vcpu a VCPU. [heap.fifo_struct_bytes]"""
    return 392*vcpus + 1032


def heap_xenheap_bytes(highest_port: int, evtchns_per_bucket: int, vcpus: int) -> int:
    """Xen heap bytes of one FIFO domain: its struct evtchn and its FIFO structures. [heap.xenheap_bytes]"""
    return 392*vcpus + 4096*((0) if ((evtchns_per_bucket > highest_port)) else (((highest_port) // (512*evtchns_per_bucket)) + 1)) + 4096*((highest_port) // (evtchns_per_bucket)) + 5128


def channels_ports_per_vcpu(pv_guest: int, possible_vcpus: int, spinlock_kicker: int, two_level_guest: int, vpmu: int) -> int:
    """k of an x86 Linux guest: timer and 3 IPIs; irq_work for PV; the spinlock kicker with more than one possible VCPU; the debug VIRQ only without FIFO; a PMU's VIRQ for PV. [channels.ports_per_vcpu]"""
    return pv_guest*vpmu + pv_guest + two_level_guest + min(spinlock_kicker, possible_vcpus - 1) + 4


def channels_vif_queues_agreed(backend_queues: int, frontend_queues: int) -> int:
    """Queues of a vif: the fewer of the backend's multi-queue-max-queues and the frontend's max_queues. [channels.vif_queues_agreed]"""
    return min(backend_queues, frontend_queues)


def channels_vif_queues(dom0_vcpus: int, vcpus: int) -> int:
    """Queues of a vif under the default of both Linux drivers: 8, or the CPUs online. [channels.vif_queues]"""
    return min(8, dom0_vcpus, vcpus)


def channels_vif_ports(queues: int, channels_per_queue: int, control_rings: int) -> int:
    """Channels of one vif on each side: q·s, and one for a control ring. [channels.vif_ports]"""
    return channels_per_queue*queues + control_rings


def channels_vbd_rings_agreed(backend_rings: int, frontend_rings: int) -> int:
    """Rings of a vbd: the fewer of those that backend and frontend are ready for. [channels.vbd_rings_agreed]"""
    return min(backend_rings, frontend_rings)


def channels_vbd_rings(dom0_vcpus: int, vcpus: int) -> int:
    """Rings of a vbd under the defaults: 4 in the frontend, or the CPUs online. [channels.vbd_rings]"""
    return min(4, dom0_vcpus, vcpus)


def channels_local_ports(ports_per_vcpu: int, vcpus: int) -> int:
    """A guest's own timer, IPIs and debug VIRQs, k for each VCPU. [channels.local_ports]"""
    return ports_per_vcpu*vcpus


def channels_emulator_ports(ioreq_servers: int, possible_vcpus: int) -> int:
    """Each ioreq server binds a channel for every possible VCPU and one for buffered I/O. [channels.emulator_ports]"""
    return ioreq_servers*(possible_vcpus + 1)


def channels_dom0_base_ports(ports_per_vcpu: int, dom0_vcpus: int, virqs: int, pirqs: int) -> int:
    """Ports dom0 needs for itself: its VCPUs' own, global VIRQs, both ends of its xenstore channel, physical interrupts. [channels.dom0_base_ports]"""
    return dom0_vcpus*ports_per_vcpu + pirqs + virqs + 2


def channels_other_ports(single_devices: int, ninepfs: int, connectors: int, streams: int, pvcalls: int, sockets: int) -> int:
    """Channels of the devices that are neither vif nor vbd: one each, but two for a 9pfs mount, a display connector and a sound stream, and one for every pvcalls socket. [channels.other_ports]"""
    return 2*connectors + 2*ninepfs + pvcalls + single_devices + sockets + 2*streams


def channels_domu_ports(vifs: int, vif_ports: int, vbds: int, rings: int, other_ports: int, emulator_ports: int, ports_per_vcpu: int, vcpus: int, pirqs: int) -> int:
    """Ports of one guest: xenstore and console, its devices, its emulators, its VCPUs, its physical interrupts. [channels.domu_ports]"""
    return emulator_ports + other_ports + pirqs + ports_per_vcpu*vcpus + rings*vbds + vif_ports*vifs + 2


def channels_backend_ports_per_vm(vifs: int, vif_ports: int, vbds: int, rings: int, other_ports: int, emulator_ports: int) -> int:
    """Ports in backend domains for one guest: the other end of every channel that has one. [channels.backend_ports_per_vm]"""
    return emulator_ports + other_ports + rings*vbds + vif_ports*vifs + 2


def channels_stub_ports(emulator_ports: int, ports_per_vcpu: int, vcpus: int) -> int:
    """Ports of a stub domain: the emulator ends of its guest, its own xenstore and console, and its own VCPUs'. [channels.stub_ports]"""
    return emulator_ports + ports_per_vcpu*vcpus + 2


def channels_xenserver_dom0_ports(vbds: int, vifs: int, hvm_ports_per_vcpu: int, vcpus: int, pv_consoles: int) -> int:
    """Dom0 ports for one VM on XenServer 6.x: one a disk, one a vif, one for xenstore; one a VCPU for HVM (two from 6.2 on); one for a PV console. [channels.xenserver_dom0_ports]"""
    return hvm_ports_per_vcpu*vcpus + pv_consoles + vbds + vifs + 1


def delivery_masked_ppm_bound(interrupt_rate: int, masked_ns: int) -> int:
    """Interrupts of a million whose port is raised again while still masked: no more than the raises to expect in that time. [delivery.masked_ppm_bound]"""
    return min(1000000, (-(-(interrupt_rate*masked_ns) // (1000))))


def delivery_lock_wait_lower_bound(raisers: int, hold_ns: int, think_ns: int) -> int:
    """The mean wait cannot be less: the lock serves one raiser every S. [delivery.lock_wait_lower_bound]"""
    return max(0, hold_ns*(raisers - 1) - think_ns)


def delivery_lock_wait_upper_bound(raisers: int, hold_ns: int) -> int:
    """The mean wait cannot be more: every other raiser before this one. [delivery.lock_wait_upper_bound]"""
    return hold_ns*(raisers - 1)


def delivery_saturation_raisers(hold_ns: int, think_ns: int) -> int:
    """Raisers from which on the lock is the bottleneck: (S + Z)/S, rounded up. [delivery.saturation_raisers]"""
    return (-(-(hold_ns + think_ns) // (hold_ns)))


def initialisation_calls(init_vcpus: int, batch: int) -> int:
    """Registration calls that bring up c VCPUs, b in each: c VCPU by VCPU, 1 in one batch. [initialisation.calls]"""
    return (-(-(init_vcpus) // (batch)))


def initialisation_pages(init_vcpus: int, max_array_pages: int) -> int:
    """Array pages of a draft A domain once c VCPUs are up, batch or not: one a VCPU, until the array has its largest size. [initialisation.pages]"""
    return min(init_vcpus, max_array_pages)


def initialisation_calls_until_failure(failing_vcpu: int, batch: int) -> int:
    """Calls made when the initialisation of VCPU j fails, the failing call counted. [initialisation.calls_until_failure]"""
    return (-(-(failing_vcpu) // (batch)))


def initialisation_pages_left(failing_vcpu: int, batch: int) -> int:
    """Pages left behind when VCPU j fails and the guest does nothing: those of the calls before. VCPU by VCPU j − 1; none where one batch holds every VCPU. [initialisation.pages_left]"""
    return batch*((failing_vcpu - 1) // (batch))


def initialisation_calls_rolled_back(failing_vcpu: int, batch: int) -> int:
    """Calls made when VCPU j fails and each registration before it is rolled back by one call more. [initialisation.calls_rolled_back]"""
    return (-(-(failing_vcpu) // (batch))) + ((failing_vcpu - 1) // (batch))


def initialisation_pages_left_rolling_back(failing_vcpu: int, undone: int) -> int:
    """Pages left behind when VCPU j failed and z of the registrations before it have been undone: none once all j − 1 are. [initialisation.pages_left_rolling_back]"""
    return max(0, failing_vcpu - undone - 1)


def initialisation_vcpus_online(init_vcpus: int, failed_vcpus: int) -> int:
    """VCPUs online when each VCPU that fails is taken offline and the others go on. [initialisation.vcpus_online]"""
    return max(0, -failed_vcpus + init_vcpus)


def initialisation_pages_left_offline(init_vcpus: int, failed_vcpus: int) -> int:
    """Pages that stand when failed VCPUs are taken offline: one for each VCPU that is up, all of them in use. [initialisation.pages_left_offline]"""
    return max(0, -failed_vcpus + init_vcpus)


def initialisation_vcpus_online_short_of_pages(init_vcpus: int, pages: int) -> int:
    """VCPUs online when only P pages are left and VCPUs that get none are taken offline. [initialisation.vcpus_online_short_of_pages]"""
    return min(init_vcpus, pages)


def initialisation_vcpus_online_all_or_none(init_vcpus: int, pages: int) -> int:
    """VCPUs that can use event channels when only P pages are left, in a batch or with roll back: all of them or none. [initialisation.vcpus_online_all_or_none]"""
    return ((0) if ((init_vcpus > pages)) else (init_vcpus))


def initialisation_fifo_calls(init_vcpus: int, array_pages: int) -> int:
    """Hypercalls that bring up a domain under the final ABI: init_control for each VCPU, expand_array for each array page. Each adds one page of Linux's. [initialisation.fifo_calls]"""
    return array_pages + init_vcpus


def initialisation_fifo_pages_left(failing_call: int) -> int:
    """Pages that Xen still maps when call number h_f, init_control or expand_array, fails under the final ABI: one for each call before. [initialisation.fifo_pages_left]"""
    return failing_call - 1


def initialisation_fifo_xenheap_left(failing_call: int, init_vcpus: int) -> int:
    """Xen heap bytes of FIFO structures still allocated when call number h_f fails: the first init_control allocates them for every VCPU at once. [initialisation.fifo_xenheap_left]"""
    return ((0) if ((failing_call <= 1)) else (392*init_vcpus + 1032))
