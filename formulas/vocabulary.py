"""Every quantity of hosts, pages, ports and Xen's heap: its name in data, letter, unit, meaning.

The letters are the draft's where it has them: E_P, E_V, P, V, D. H and T stay free for the head
and tail of its queues. Two quantities may share a letter where no formula has both. What devices
cost is in `vocabulary_guests`; rates, times and registrations are in `vocabulary_delivery`.
"""

from evtplan.formulas.core import Goal, Quantity

__all__ = [
    "ARRAY_BYTES",
    "ARRAY_PAGES",
    "BACKENDS",
    "BACKEND_ARRAY_PAGES",
    "BACKEND_BASE_PORTS",
    "BITMAP_BYTES",
    "BUCKETS",
    "CHANNELS",
    "CONTROL_BLOCK_BYTES",
    "CONTROL_PAGES_PER_VM",
    "DOMAIN_IDS",
    "DOMAIN_PAGES",
    "DOMU_ARRAY_PAGES",
    "DRIVER_DOMAINS",
    "EVENTS_PER_DRIVER_DOMAIN",
    "EVENTS_PER_VM",
    "EVTCHNS_PER_BUCKET",
    "EVTCHNS_PER_GROUP",
    "EVTCHN_BYTES",
    "FIFO_DOMAIN_BYTES",
    "FIFO_STRUCT_BYTES",
    "FIFO_VCPU_BYTES",
    "FIXED_PORTS",
    "GROUP_PAGES",
    "GUARD_PAGES",
    "GUEST_BYTES",
    "GUEST_PAGE_BYTES",
    "HIGHEST_PORT",
    "LINK_BITS",
    "MAPPING_MIB",
    "MAX_ARRAY_PAGES",
    "MAX_BUCKETS",
    "MAX_EVENT_CHANNELS",
    "MAX_GROUPS",
    "PACKED_CONTROL_PAGES",
    "PAGES",
    "PAGE_BYTES",
    "PER_VCPU_PORTS",
    "PRIORITY_LEVELS",
    "SELECTOR_BYTES",
    "STATE_BYTES",
    "STRUCT_BYTES_SAVED",
    "TOTAL_ARRAY_PAGES",
    "TOTAL_ARRAY_PAGES_BOUND",
    "USABLE_PORTS",
    "VCPUS",
    "VCPU_LIMIT",
    "VIRTUAL_MIB",
    "VMS",
    "VM_LIMIT",
    "WORDS_PER_PAGE",
    "WORD_BITS",
    "XENHEAP_BYTES",
    "XENHEAP_PAGES",
]

# Hosts and their pages.
VMS = Quantity("vms", "V", "VM", "virtual machines on the host", tried=2**20)
VM_LIMIT = Quantity(
    "vm_limit", "V", "VM", "the largest number of VMs that fits", goal=Goal.AT_LEAST
)
PAGES = Quantity(
    "pages",
    "P",
    "page",
    "pages available for event arrays",
    least=1,
    tried=2**24,
    goal=Goal.AT_LEAST,
)
EVENTS_PER_VM = Quantity(
    "events_per_vm", "E_V", "port", "event channels of one VM, each with an other end", least=1
)
EVENTS_PER_DRIVER_DOMAIN = Quantity(
    "events_per_driver_domain",
    "E_D",
    "port",
    "event channels that each driver domain needs",
    least=1,
)
WORDS_PER_PAGE = Quantity(
    "words_per_page",
    "E_P",
    "word/page",
    "event words that one page of an event array holds",
    least=1,
    usual=1024,
    tried=2**14,
    goal=Goal.AT_LEAST,
)
DRIVER_DOMAINS = Quantity(
    "driver_domains", "D", "domain", "driver domains of maximum size", tried=2**12
)
BACKENDS = Quantity(
    "backends", "B", "domain", "domains that hold the other ends", least=1, usual=1, tried=2**12
)
BACKEND_BASE_PORTS = Quantity(
    "backend_base_ports", "R", "port", "ports that a backend domain needs for itself", usual=0
)
MAPPING_MIB = Quantity(
    "mapping_mib",
    "G_M",
    "MiB",
    "address space that Xen has for global mappings",
    least=1,
    tried=2**20,
)
GUARD_PAGES = Quantity(
    "guard_pages", "g", "page/mapping", "unmapped pages that follow each mapping", tried=16
)
DOMAIN_IDS = Quantity(
    "domain_ids",
    "I",
    "domain",
    "domain IDs below the first reserved one",
    least=1,
    usual=32752,
    tried=2**16,
)
PAGE_BYTES = Quantity(
    "page_bytes", "S_P", "byte/page", "bytes of a page of Xen's", least=4, usual=4096, tried=2**16
)
GUEST_PAGE_BYTES = Quantity(
    "guest_page_bytes",
    "S_G",
    "byte/page",
    "bytes of a page of the guest kernel's",
    least=1,
    usual=4096,
    tried=2**16,
)

# Ports.
HIGHEST_PORT = Quantity("highest_port", "p", "port", "the highest port number in use", tried=2**18)
CHANNELS = Quantity(
    "channels",
    "N",
    "port",
    "port numbers of an ABI, port 0 among them",
    least=1,
    tried=2**20,
    goal=Goal.AT_LEAST,
)
USABLE_PORTS = Quantity(
    "usable_ports", "N_u", "port", "ports that one domain can bind", goal=Goal.AT_LEAST, tried=2**18
)
MAX_EVENT_CHANNELS = Quantity(
    "max_event_channels",
    "p_max",
    "port",
    "the highest port number that a domain may use, as its configuration says",
    usual=1023,
    tried=2**18,
)
LINK_BITS = Quantity(
    "link_bits", "l", "bit", "bits of the LINK field of an event word", most=28, tried=28
)
WORD_BITS = Quantity(
    "word_bits", "w", "bit", "bits of the guest's machine word", least=1, tried=128
)

# Event arrays, bitmaps and control blocks.
ARRAY_PAGES = Quantity(
    "array_pages", "A", "page", "event array pages of one domain", least=1, tried=2**12
)
ARRAY_BYTES = Quantity("array_bytes", "A_y", "byte", "bytes of a domain's event arrays")
MAX_ARRAY_PAGES = Quantity(
    "max_array_pages", "A_max", "page", "event array pages at most", least=1, usual=128, tried=2**12
)
DOMU_ARRAY_PAGES = Quantity("domu_array_pages", "A_U", "page", "event array pages of all domUs")
BACKEND_ARRAY_PAGES = Quantity(
    "backend_array_pages", "A_B", "page", "event array pages of the domain with the other ends"
)
TOTAL_ARRAY_PAGES = Quantity(
    "total_array_pages", "A_T", "page", "event array pages of domUs and backend together"
)
TOTAL_ARRAY_PAGES_BOUND = Quantity(
    "total_array_pages_bound", "A_2", "page", "a bound on all event array pages"
)
DOMAIN_PAGES = Quantity(
    "domain_pages",
    "P_d",
    "page",
    "pages that one domain's event state takes, each of which Xen maps",
)
GUEST_BYTES = Quantity(
    "guest_bytes", "M_G", "byte", "guest memory that a domain's event state takes"
)
BITMAP_BYTES = Quantity(
    "bitmap_bytes", "b_m", "byte", "bytes of a domain's pending and mask bitmaps"
)
STATE_BYTES = Quantity(
    "state_bytes", "S_2", "byte", "bytes of a domain's bitmaps and selector words"
)
SELECTOR_BYTES = Quantity(
    "selector_bytes", "S_3", "byte", "bytes of the second-level selectors of a domain"
)
VCPUS = Quantity("vcpus", "c", "VCPU", "VCPUs of one domain", tried=2**13)
VCPU_LIMIT = Quantity(
    "vcpu_limit", "c_lim", "VCPU", "the largest number of VCPUs", goal=Goal.AT_LEAST
)
PRIORITY_LEVELS = Quantity(
    "priority_levels",
    "L",
    "queue",
    "priority levels, each a queue of every VCPU",
    least=1,
    usual=16,
    tried=64,
)
CONTROL_PAGES_PER_VM = Quantity(
    "control_pages_per_vm",
    "C",
    "page/VM",
    "pages of P that one VM's control blocks take",
    usual=0,
    tried=2**13,
)
CONTROL_BLOCK_BYTES = Quantity(
    "control_block_bytes", "S", "byte", "bytes of the control blocks of one domain"
)
PACKED_CONTROL_PAGES = Quantity(
    "packed_control_pages",
    "C_s",
    "page",
    "guest pages that hold one domain's control blocks when its VCPUs share pages",
)

# Xen's heap.
EVTCHN_BYTES = Quantity(
    "evtchn_bytes", "s_e", "byte", "bytes of a struct evtchn", least=1, most=4096, tried=2**12
)
EVTCHNS_PER_BUCKET = Quantity(
    "evtchns_per_bucket",
    "b",
    "object/page",
    "struct evtchn in a bucket, which is one page",
    least=1,
    usual=64,
    tried=2**12,
    goal=Goal.AT_LEAST,
)
EVTCHNS_PER_GROUP = Quantity(
    "evtchns_per_group",
    "b_g",
    "object/group",
    "struct evtchn of a group, which is one page of bucket pointers",
    goal=Goal.AT_LEAST,
)
BUCKETS = Quantity("buckets", "n_b", "page", "buckets of struct evtchn of one domain")
GROUP_PAGES = Quantity("group_pages", "n_g", "page", "pages of bucket pointers of one domain")
MAX_GROUPS = Quantity("max_groups", "n_G", "page", "group pointers in struct domain", tried=2**10)
MAX_BUCKETS = Quantity(
    "max_buckets",
    "n_B",
    "page",
    "bucket pointers in struct domain before groups",
    least=1,
    tried=2**10,
)
STRUCT_BYTES_SAVED = Quantity(
    "struct_bytes_saved", "S_d", "byte", "bytes by which struct domain shrinks", goal=Goal.AT_LEAST
)
XENHEAP_PAGES = Quantity(
    "xenheap_pages", "X_p", "page", "Xen heap pages for a domain's struct evtchn"
)
FIFO_VCPU_BYTES = Quantity(
    "fifo_vcpu_bytes", "X_c", "byte", "Xen heap bytes of a domain's struct evtchn_fifo_vcpu"
)
FIFO_DOMAIN_BYTES = Quantity(
    "fifo_domain_bytes", "X_d", "byte", "Xen heap bytes of struct evtchn_fifo_domain"
)
FIFO_STRUCT_BYTES = Quantity(
    "fifo_struct_bytes", "X_f", "byte", "Xen heap bytes of a domain's FIFO structures"
)
XENHEAP_BYTES = Quantity("xenheap_bytes", "X", "byte", "Xen heap bytes for one domain's channels")

# Limits on VCPUs.
FIXED_PORTS = Quantity(
    "fixed_ports", "F", "port", "ports of a domain that no VCPU brings", usual=0, tried=2**12
)
PER_VCPU_PORTS = Quantity(
    "per_vcpu_ports", "k_c", "port/VCPU", "ports that each VCPU needs", least=1, usual=2, tried=64
)
VIRTUAL_MIB = Quantity(
    "virtual_mib",
    "G_V",
    "MiB",
    "address space that Xen has for the VCPUs' GDT and LDT",
    tried=2**16,
)
