"""Every quantity of a guest's channels: VCPUs, queues, rings, devices, emulators."""

from evtplan.formulas.core import Goal, Quantity

__all__ = [
    "BACKEND_PORTS_PER_VM",
    "BACKEND_QUEUES",
    "BACKEND_RINGS",
    "CHANNELS_PER_QUEUE",
    "CONNECTORS",
    "CONTROL_RINGS",
    "DOM0_VCPUS",
    "DOMU_PORTS",
    "EMULATOR_PORTS",
    "FRONTEND_QUEUES",
    "FRONTEND_RINGS",
    "HVM_GUEST",
    "HVM_PORTS_PER_VCPU",
    "IOREQ_PAGES",
    "IOREQ_SERVERS",
    "IRQS",
    "IRQ_ROW_PAGES",
    "KERNEL_CPUS",
    "LEGACY_VCPUS",
    "LOCAL_PORTS",
    "NINEPFS",
    "OTHER_MAPPINGS",
    "OTHER_PORTS",
    "PIRQS",
    "PORTS_PER_VCPU",
    "POSSIBLE_VCPUS",
    "PVCALLS",
    "PV_CONSOLES",
    "PV_GUEST",
    "QUEUES",
    "REGISTERED_VCPUS",
    "RINGS",
    "SINGLE_DEVICES",
    "SOCKETS",
    "SPINLOCK_KICKER",
    "STREAMS",
    "STUB_PORTS",
    "TWO_LEVEL_GUEST",
    "VBDS",
    "VCPU_AREAS",
    "VIFS",
    "VIF_PORTS",
    "VIRQS",
    "VPMU",
]

DOM0_VCPUS = Quantity(
    "dom0_vcpus", "c_0", "VCPU", "VCPUs of the backend domain", least=1, tried=2**13
)
POSSIBLE_VCPUS = Quantity(
    "possible_vcpus", "c_max", "VCPU", "VCPUs that the domain can ever have", least=1, tried=2**13
)
QUEUES = Quantity(
    "queues", "q", "queue", "queues of a vif", least=1, tried=2**8, goal=Goal.AT_LEAST
)
BACKEND_QUEUES = Quantity(
    "backend_queues", "q_b", "queue", "queues of a vif that the backend offers", least=1, tried=2**8
)
FRONTEND_QUEUES = Quantity(
    "frontend_queues", "q_f", "queue", "queues of a vif that the guest wants", least=1, tried=2**8
)
CHANNELS_PER_QUEUE = Quantity(
    "channels_per_queue",
    "s",
    "port/queue",
    "2 where transmit and receive are split, else 1",
    least=1,
    most=2,
    usual=2,
    tried=2,
)
CONTROL_RINGS = Quantity(
    "control_rings",
    "k_r",
    "port",
    "1 where a vif has a control ring, else 0",
    most=1,
    usual=0,
    tried=1,
)
RINGS = Quantity("rings", "r", "ring", "rings of a vbd", least=1, tried=2**8, goal=Goal.AT_LEAST)
BACKEND_RINGS = Quantity(
    "backend_rings", "r_b", "ring", "rings of a vbd that the backend offers", least=1, tried=2**8
)
FRONTEND_RINGS = Quantity(
    "frontend_rings", "r_f", "ring", "rings of a vbd that the guest wants", least=1, tried=2**8
)
IOREQ_SERVERS = Quantity(
    "ioreq_servers", "X_s", "server", "ioreq servers of an HVM guest", usual=0, tried=64
)
PV_GUEST = Quantity(
    "pv_guest", "f_PV", "flag", "1 for a PV guest, 0 for PVH and HVM", most=1, tried=1
)
TWO_LEVEL_GUEST = Quantity(
    "two_level_guest", "f_2L", "flag", "1 under 2-level, 0 under FIFO", most=1, tried=1
)
SPINLOCK_KICKER = Quantity(
    "spinlock_kicker",
    "f_SL",
    "flag",
    "1 where PV spinlocks are on, 0 with nopvspin",
    most=1,
    usual=1,
    tried=1,
)
VPMU = Quantity(
    "vpmu",
    "f_PMU",
    "flag",
    "1 where a PV guest has a virtual PMU, else 0",
    most=1,
    usual=0,
    tried=1,
)
PORTS_PER_VCPU = Quantity(
    "ports_per_vcpu", "k", "port/VCPU", "a guest's own channels for each VCPU", tried=64
)
LOCAL_PORTS = Quantity("local_ports", "E_L", "port", "channels of a guest that have no other end")
VIF_PORTS = Quantity("vif_ports", "E_n", "port", "channels of one vif, on each side", tried=2**9)
VIFS = Quantity("vifs", "n_n", "vif", "network interfaces of a guest", tried=2**8)
VBDS = Quantity("vbds", "n_d", "vbd", "virtual disks of a guest", tried=2**9)
OTHER_PORTS = Quantity(
    "other_ports",
    "E_o",
    "port",
    "channels of a guest's other devices, on each side",
    usual=0,
    tried=2**12,
)
SINGLE_DEVICES = Quantity(
    "single_devices",
    "n_1",
    "device",
    "devices of one channel each: consoles, vkb, vfb, vTPM, pvSCSI, pvUSB, "
    "vpl011, vchan, vm_event rings, pcifront",
    tried=2**8,
)
NINEPFS = Quantity("ninepfs", "n_9", "device", "9pfs mounts", tried=2**8)
CONNECTORS = Quantity(
    "connectors", "n_c", "connector", "connectors of virtual displays", tried=2**8
)
STREAMS = Quantity("streams", "n_s", "stream", "streams of virtual sound cards", tried=2**8)
PVCALLS = Quantity("pvcalls", "n_k", "device", "pvcalls devices", tried=2**8)
SOCKETS = Quantity("sockets", "n_o", "socket", "sockets open through pvcalls", tried=2**12)
EMULATOR_PORTS = Quantity(
    "emulator_ports",
    "E_X",
    "port",
    "channels between a guest and its device emulators",
    usual=0,
    tried=2**13,
)
DOMU_PORTS = Quantity("domu_ports", "E_U", "port", "channels of one guest, all of them")
BACKEND_PORTS_PER_VM = Quantity(
    "backend_ports_per_vm", "E_B", "port", "channels in backend domains for one guest"
)
STUB_PORTS = Quantity("stub_ports", "E_S", "port", "channels of the stub domain of one guest")
VIRQS = Quantity(
    "virqs", "n_v", "port", "global virtual interrupts bound in dom0", usual=4, tried=64
)
PIRQS = Quantity(
    "pirqs", "n_p", "port", "physical interrupts bound in a domain", usual=0, tried=2**12
)
HVM_PORTS_PER_VCPU = Quantity(
    "hvm_ports_per_vcpu",
    "k_h",
    "port/VCPU",
    "channels in dom0 for each VCPU of an HVM guest",
    most=2,
    tried=2,
)
PV_CONSOLES = Quantity(
    "pv_consoles",
    "n_q",
    "port",
    "1 for the console channel of a PV guest, 0 for HVM",
    most=1,
    tried=1,
)

# Limits of the guest's kernel, and what else Xen maps for a guest.
KERNEL_CPUS = Quantity(
    "kernel_cpus",
    "n_K",
    "CPU",
    "CPUs that the guest's kernel is built for, NR_CPUS",
    least=1,
    tried=2**13,
)
IRQS = Quantity("irqs", "n_I", "IRQ", "interrupt numbers of a Linux guest", goal=Goal.AT_LEAST)
IRQ_ROW_PAGES = Quantity(
    "irq_row_pages",
    "A_I",
    "page",
    "guest kernel pages of Linux's table from ports to interrupt numbers",
)
LEGACY_VCPUS = Quantity(
    "legacy_vcpus",
    "c_leg",
    "VCPU",
    "VCPUs whose vcpu_info lies in shared_info: 32 on x86, 1 on Arm",
    usual=32,
    tried=64,
)
REGISTERED_VCPUS = Quantity(
    "registered_vcpus", "c_reg", "VCPU", "VCPUs of one domain that must register a vcpu_info"
)
VCPU_AREAS = Quantity(
    "vcpu_areas",
    "n_a",
    "page/VCPU",
    "areas that each VCPU registers, as vcpu_info and runstate are",
    usual=1,
    tried=2,
)
HVM_GUEST = Quantity("hvm_guest", "f_HVM", "flag", "1 for an HVM guest, else 0", most=1, tried=1)
IOREQ_PAGES = Quantity(
    "ioreq_pages",
    "n_i",
    "page",
    "pages shared with device emulators that Xen maps",
    usual=0,
    tried=64,
)
OTHER_MAPPINGS = Quantity(
    "other_mappings",
    "P_o",
    "page",
    "pages that Xen maps globally for one domain beside its event state",
)
