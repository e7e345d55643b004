"""An Arm host whose kernels have 64 KiB pages: each array page and control block costs one.

Xen maps 4 KiB of each, so P is spent as on any Arm host; the memory is the kernels'.
"""

from evtplan import Device, Fleet, Guest, Host, size

GUEST = Guest("edge", type="pvh", vcpus=4, devices=(Device("vif"), Device("vbd")), copies=100)


def main() -> None:
    fleet = Fleet((GUEST,), Host(arch="arm64", dom0_vcpus=8), "edge")
    for page_bytes in (4096, 65536):
        (row,) = size(fleet, guest_page_bytes=page_bytes).rows
        print(
            f"pages of {page_bytes} bytes: {row.total_pages} pages, {row.guest_memory_bytes} bytes "
            f"in the kernels; {row.vm_limit} VMs fit ({row.binding}), by pages {row.vm_limit_pages}"
        )


if __name__ == "__main__":
    main()
