"""10,000 unikernels on one host: one VCPU, one vif with one channel, no disk."""

from evtplan import Device, Fleet, Guest, Host, size

UNIKERNEL = Guest(
    "unikernel",
    type="pvh",
    os="other",
    vcpus=1,
    devices=(Device("vif", queues=1, split=False),),
    copies=10_000,
)


def main() -> None:
    fleet = Fleet((UNIKERNEL,), Host(dom0_vcpus=16, pirqs=64), "unikernels")
    for row in size(fleet, abi=("2l-64", "3l-64", "fifo-draft-a", "fifo")).rows:
        verdict = "fits" if row.headroom_vms >= 0 else "does not fit"
        needs = f", {row.backends_to_lift} backends lift that" if row.backends_to_lift else ""
        memory = (row.total_bytes + row.xenheap_bytes) // 2**20
        print(
            f"{row.abi}: {verdict}; at most {row.vm_limit} ({row.binding}{needs}); {memory} MiB "
            "for event channels"
        )


if __name__ == "__main__":
    main()
