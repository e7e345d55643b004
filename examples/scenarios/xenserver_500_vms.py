"""XenServer 6.2 raised dom0's event channels from 1024 to 4096: 500 Windows or 650 Linux VMs.

Channels of a VM as Jonathan Davies counted them: one a disk, one a vif, one for xenstore; one a
VCPU for HVM, two from 6.2 on; one for a PV console. Dom0 needs 50 to 100 for itself.
"""

from evtplan import size
from evtplan.formulas.kernels import channels_xenserver_dom0_ports

BASE = 100


def main() -> None:
    windows = channels_xenserver_dom0_ports(2, 1, 2, 2, 0)  # 2 disks, a vif, 2 VCPUs at 2 each
    linux = channels_xenserver_dom0_ports(2, 1, 0, 2, 1)  # 2 disks, a vif, a console
    for name, channels in (("Windows", windows), ("Linux", linux)):
        limits = [
            size(abi=abi, events_per_vm=channels, backend_base_ports=BASE).rows[0].vm_limit
            for abi in ("2l-32", "2l-64")
        ]
        print(
            f"{name} VM, {channels} channels in dom0: {limits[0]} VMs of 1024, {limits[1]} of 4096"
        )
    for vms in (500, 650):
        most = max(
            channels
            for channels in range(1, 64)
            if size(abi="2l-64", events_per_vm=channels, backend_base_ports=BASE).rows[0].vm_limit
            >= vms
        )
        print(f"{vms} VMs leave each VM at most {most} channels in dom0")


if __name__ == "__main__":
    main()
