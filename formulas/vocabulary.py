"""Every quantity once: its name in data, its letter, unit and meaning.

The letters are the draft's where it has them: E_P, E_V, P, V, D.
"""

from evtplan.formulas.core import Quantity

__all__ = [
    "ARRAY_PAGES",
    "BACKENDS",
    "BACKEND_ARRAY_PAGES",
    "BACKEND_BASE_PORTS",
    "BUCKETS",
    "CHANNELS",
    "CHANNELS_PER_QUEUE",
    "CONTROL_BLOCK_BYTES",
    "CONTROL_PAGES_PER_VM",
    "CONTROL_RINGS",
    "DOM0_VCPUS",
    "DOMU_ARRAY_PAGES",
    "DRIVER_DOMAINS",
    "EMULATOR_PORTS",
    "EVENTS_PER_VM",
    "EVTCHNS_PER_BUCKET",
    "HIGHEST_PORT",
    "IOREQ_SERVERS",
    "LOCAL_PORTS",
    "MAX_ARRAY_PAGES",
    "PAGES",
    "PIRQS",
    "PORTS_PER_VCPU",
    "POSSIBLE_VCPUS",
    "QUEUES",
    "RINGS",
    "TOTAL_ARRAY_PAGES",
    "TOTAL_ARRAY_PAGES_BOUND",
    "USABLE_PORTS",
    "VCPUS",
    "VIF_PORTS",
    "VIRQS",
    "VMS",
    "VM_LIMIT",
    "WORDS_PER_PAGE",
    "WORD_BITS",
    "XENHEAP_BYTES",
    "XENHEAP_PAGES",
]

VMS = Quantity("vms", "V", "VM", "virtual machines on the host")
VM_LIMIT = Quantity("vm_limit", "V_max", "VM", "the largest number of VMs that fits")
PAGES = Quantity("pages", "P", "page", "pages available for event arrays", least=1)
EVENTS_PER_VM = Quantity(
    "events_per_vm", "E_V", "port", "event channels of one VM, each with an other end", least=1
)
WORDS_PER_PAGE = Quantity(
    "words_per_page",
    "E_P",
    "word/page",
    "event words that one page of an event array holds",
    least=1,
)
DRIVER_DOMAINS = Quantity("driver_domains", "D", "domain", "driver domains of maximum size")
BACKENDS = Quantity("backends", "B", "domain", "domains that hold the other ends", least=1)
BACKEND_BASE_PORTS = Quantity(
    "backend_base_ports", "R", "port", "ports that a backend domain needs for itself"
)
HIGHEST_PORT = Quantity("highest_port", "p", "port", "the highest port number in use")
CHANNELS = Quantity("channels", "N", "port", "port numbers of an ABI, port 0 among them", least=1)
USABLE_PORTS = Quantity("usable_ports", "N_u", "port", "ports that one domain can bind")
WORD_BITS = Quantity("word_bits", "w", "bit", "bits of the guest's machine word", least=1)
ARRAY_PAGES = Quantity("array_pages", "A", "page", "event array pages of one domain")
MAX_ARRAY_PAGES = Quantity("max_array_pages", "A_max", "page", "event array pages at most")
DOMU_ARRAY_PAGES = Quantity("domu_array_pages", "A_U", "page", "event array pages of all domUs")
BACKEND_ARRAY_PAGES = Quantity(
    "backend_array_pages", "A_B", "page", "event array pages of the domain with the other ends"
)
TOTAL_ARRAY_PAGES = Quantity(
    "total_array_pages", "A_T", "page", "event array pages of domUs and backend together"
)
TOTAL_ARRAY_PAGES_BOUND = Quantity(
    "total_array_pages_bound", "A_2", "page", "the draft's bound on all event array pages"
)
VCPUS = Quantity("vcpus", "c", "VCPU", "VCPUs of one domain")
CONTROL_PAGES_PER_VM = Quantity(
    "control_pages_per_vm", "C", "page/VM", "pages of P that one VM's control blocks take"
)
CONTROL_BLOCK_BYTES = Quantity(
    "control_block_bytes", "S", "byte", "bytes of the control blocks of one domain"
)
EVTCHNS_PER_BUCKET = Quantity(
    "evtchns_per_bucket",
    "b",
    "object/page",
    "struct evtchn in a bucket, which is one page",
    least=1,
)
BUCKETS = Quantity("buckets", "n_b", "page", "buckets of struct evtchn of one domain")
XENHEAP_PAGES = Quantity(
    "xenheap_pages", "X_p", "page", "Xen heap pages for a domain's struct evtchn"
)
XENHEAP_BYTES = Quantity("xenheap_bytes", "X", "byte", "Xen heap bytes for one domain's channels")

DOM0_VCPUS = Quantity("dom0_vcpus", "c_0", "VCPU", "VCPUs of the backend domain", least=1)
POSSIBLE_VCPUS = Quantity(
    "possible_vcpus", "c_max", "VCPU", "VCPUs that the domain can ever have", least=1
)
QUEUES = Quantity("queues", "q", "queue", "queues of a vif", least=1)
CHANNELS_PER_QUEUE = Quantity(
    "channels_per_queue",
    "s",
    "port/queue",
    "2 where transmit and receive are split, else 1",
    least=1,
)
CONTROL_RINGS = Quantity("control_rings", "k_r", "port", "1 where a vif has a control ring, else 0")
RINGS = Quantity("rings", "r", "ring", "rings of a vbd", least=1)
IOREQ_SERVERS = Quantity("ioreq_servers", "X_s", "server", "ioreq servers of an HVM guest")
PORTS_PER_VCPU = Quantity(
    "ports_per_vcpu", "k", "port/VCPU", "a guest's own channels for each VCPU"
)
LOCAL_PORTS = Quantity("local_ports", "E_L", "port", "channels of a guest that have no other end")
VIF_PORTS = Quantity("vif_ports", "E_n", "port", "channels of one vif, on each side")
EMULATOR_PORTS = Quantity(
    "emulator_ports", "E_X", "port", "channels between a guest and its device emulators"
)
VIRQS = Quantity("virqs", "n_v", "port", "global virtual interrupts bound in dom0")
PIRQS = Quantity("pirqs", "n_p", "port", "physical interrupts bound in a domain")
