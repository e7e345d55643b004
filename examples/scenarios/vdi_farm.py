"""A VDI farm: Windows desktops on one host, their brokers beside them. Which ABI carries it?"""

from evtplan import Device, Fleet, Guest, Host, compare

DESKTOP = Guest(
    "desktop",
    type="hvm",
    os="windows",
    vcpus=2,
    devices=(Device("vif", queues=1, control=True), Device("vbd", count=2, rings=1)),
    copies=600,
)
BROKER = Guest("broker", vcpus=8, devices=(Device("vif", count=2), Device("vbd")), copies=4)
FARM = Fleet((DESKTOP, BROKER), Host(toolstack="xenopsd", dom0_vcpus=16, pirqs=80), "vdi")


def main() -> None:
    found = compare([FARM], ("2l-32", "2l-64", "fifo"), reference="2l-64", sort="vm_limit")
    for row in found.rows:
        print(
            f"{row.abi}: {row.vm_limit} VMs of this mix, {row.headroom_vms:+} to the plan; "
            f"{row.binding}; {row.memory_bytes_per_vm} bytes a VM"
        )
    for point in found.break_evens:
        best = point["best_from"] or "none"
        print(f"from {point['first_value']} VMs on the cheapest ABI that carries them: {best}")


if __name__ == "__main__":
    main()
