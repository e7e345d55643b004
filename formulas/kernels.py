"""The formulas of the book in exact integers; printed by generate.py, not by hand.

Each takes its inputs by the names of the book's quantities and returns an exact Python integer.
"""

__all__ = [
    "channels_dom0_base_ports",
    "channels_emulator_ports",
    "channels_local_ports",
    "channels_vbd_rings",
    "channels_vif_ports",
    "channels_vif_queues",
    "draft_a_max_array_pages",
    "draft_a_total_array_pages_bound",
    "draft_a_vm_limit_estimate",
    "draft_a_vm_limit_second_method",
    "fifo_backend_array_pages",
    "fifo_control_block_bytes",
    "fifo_control_pages",
    "fifo_domu_array_pages",
    "fifo_event_array_pages",
    "fifo_total_array_pages",
    "fifo_usable_ports",
    "fifo_vm_limit_backend_ports",
    "fifo_vm_limit_pages",
    "heap_buckets",
    "heap_fifo_struct_bytes",
    "heap_xenheap_pages",
    "three_level_bitmap_pages",
    "three_level_channels",
    "three_level_vm_limit_pages",
    "two_level_channels",
]


def draft_a_vm_limit_estimate(pages: int, events_per_vm: int, words_per_page: int) -> int:
    """V = P ÷ (1 + E_V/E_P): a page for each domU, and the fraction of a page that its other ends fill in dom0. [draft_a.vm_limit_estimate]"""
    return ((pages*words_per_page) // (events_per_vm + words_per_page))


def draft_a_total_array_pages_bound(vms: int) -> int:
    """Two pages for each VM: one of its own, at most one in dom0. [draft_a.total_array_pages_bound]"""
    return 2*vms


def draft_a_max_array_pages(channels: int, words_per_page: int) -> int:
    """Event array pages of a domain that uses every port. [draft_a.max_array_pages]"""
    return ((channels - 1) // (words_per_page)) + 1


def draft_a_vm_limit_second_method(pages: int, driver_domains: int, max_array_pages: int) -> int:
    """V = P − (128 + D·128): what is left for domUs of one page each when dom0 and D driver domains have arrays of maximum size. Negative when nothing is left. [draft_a.vm_limit_second_method]"""
    return -driver_domains*max_array_pages - max_array_pages + pages


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


def two_level_channels(word_bits: int) -> int:
    """Port numbers: a selector word with a bit for each word of the bitmap. [two_level.channels]"""
    return (word_bits)**(2)


def three_level_channels(word_bits: int) -> int:
    """Port numbers with one more level of selectors. [three_level.channels]"""
    return (word_bits)**(3)


def three_level_bitmap_pages(word_bits: int) -> int:
    """Pages of the pending and the mask bitmap of one domain, 32768 bits a page. [three_level.bitmap_pages]"""
    return 2*(((word_bits)**(3) + 32767) // (32768))


def three_level_vm_limit_pages(pages: int, array_pages: int, backends: int) -> int:
    """VMs whose bitmap pages fit in P beside those of the backend domains. [three_level.vm_limit_pages]"""
    return max(0, -backends + ((pages) // (array_pages)))


def heap_buckets(highest_port: int, evtchns_per_bucket: int) -> int:
    """Pages of struct evtchn up to the one of the highest port. [heap.buckets]"""
    return ((highest_port) // (evtchns_per_bucket)) + 1


def heap_xenheap_pages(highest_port: int, evtchns_per_bucket: int) -> int:
    """Buckets, and pages of 512 bucket pointers once there is more than one bucket. [heap.xenheap_pages]"""
    return ((0) if (evtchns_per_bucket > highest_port) else (((highest_port) // (512*evtchns_per_bucket)) + 1)) + ((highest_port) // (evtchns_per_bucket)) + 1


def heap_fifo_struct_bytes(vcpus: int) -> int:
    """Bytes of struct evtchn_fifo_domain and of one struct evtchn_fifo_vcpu a VCPU. [heap.fifo_struct_bytes]"""
    return 392*vcpus + 1032


def channels_vif_queues(dom0_vcpus: int, vcpus: int) -> int:
    """Queues of a vif under the default of both Linux drivers: 8, or the CPUs online. [channels.vif_queues]"""
    return min(8, dom0_vcpus, vcpus)


def channels_vif_ports(queues: int, channels_per_queue: int, control_rings: int) -> int:
    """Channels of one vif on each side: q·s, and one for a control ring. [channels.vif_ports]"""
    return channels_per_queue*queues + control_rings


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
