"""A 32-bit dom0 in 2013: why the 2-level ABI was too small, and what draft A promised.

"each VM needs 4 or more event channels in domain 0 … theoretical maximum of 256 guests — and in
practice it's more like 180 or so" (George Dunlap, xen-devel, March 2013). XenServer 6.1, whose
dom0 was 32-bit, was sold for up to 150 VMs.
"""

from evtplan import size

CASES = (
    ("the theoretical maximum: 4 channels a VM, none for dom0", 4, 0),
    ("4 channels a VM, 100 for dom0 itself", 4, 100),
    ("5 channels a VM, 124 for dom0 itself", 5, 124),
    ("6 channels a VM, 100 for dom0 itself: XenServer 6.1", 6, 100),
)


def main() -> None:
    for what, events_per_vm, base in CASES:
        answer = size(
            abi=("2l-32", "fifo-draft-a"),
            events_per_vm=events_per_vm,
            backend_base_ports=base,
            xen="4.3",
        )
        old, new = answer.rows
        print(f"{what}: {old.vm_limit} VMs ({old.binding}); draft A: {new.vm_limit}")


if __name__ == "__main__":
    main()
