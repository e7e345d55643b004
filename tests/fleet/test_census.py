"""Channels counted as the drivers open them, both sides."""

import pytest

from evtplan.errors import EvtplanError
from evtplan.fleet.census import GuestCensus, census_of
from evtplan.fleet.model import Device, Fleet, Guest, GuestType, Host, OsFamily

ONE_VIF_ONE_DISK = (Device("vif"), Device("vbd"))


def counted(guest: Guest, **host: int | str) -> GuestCensus:
    return census_of(Fleet((guest,), Host(**host))).guests[0]  # type: ignore[arg-type]


def by_device(item: GuestCensus) -> dict[str, tuple[int, int]]:
    return {c.device: (c.domu_ports, c.backend_ports) for c in item.channels}


class TestDefaultLinuxGuest:
    """A default Linux PV guest with one vif and one disk, 2 VCPUs under FIFO"""

    def test_device_by_device_on_both_sides(self) -> None:
        assert by_device(counted(Guest("web", vcpus=2, devices=ONE_VIF_ONE_DISK))) == {
            "xenstore": (1, 1),
            "console": (1, 1),
            "vif": (4, 4),  # min(8, 8, 2) queues, split
            "vbd": (2, 2),  # min(4, 8, 2) rings
            "vcpu": (12, 0),  # 6 a VCPU
        }

    def test_few_cpus_in_dom0_mean_few_queues(self) -> None:
        item = counted(Guest("web", vcpus=16, devices=ONE_VIF_ONE_DISK), dom0_vcpus=1)
        assert by_device(item)["vif"] == (2, 2)
        assert by_device(item)["vbd"] == (1, 1)


class TestChannelsPerVcpu:
    """PV FIFO 6, PV 2-level 7; HVM/PVH FIFO 5, 2-level 6; one less for a single VCPU; Arm 0"""

    @pytest.mark.parametrize(
        ("kind", "abi", "per_vcpu"),
        [("pv", "fifo", 6), ("pv", "2l-64", 7), ("hvm", "fifo", 5), ("pvh", "2l-64", 6)],
    )
    def test_by_type_and_abi(self, kind: str, abi: str, per_vcpu: int) -> None:
        item = counted(Guest("g", GuestType(kind), vcpus=3), abi=abi)
        assert by_device(item)["vcpu"] == (3 * per_vcpu, 0)

    def test_one_less_where_there_is_only_one_possible_vcpu(self) -> None:
        assert by_device(counted(Guest("g", vcpus=1)))["vcpu"] == (5, 0)
        assert by_device(counted(Guest("g", vcpus=1, maxvcpus=2)))["vcpu"] == (6, 0)

    def test_none_on_arm(self) -> None:
        assert "vcpu" not in by_device(counted(Guest("g", vcpus=4), arch="arm64"))


class TestHvm:
    def test_an_ioreq_server_binds_a_channel_for_every_possible_vcpu_and_one_more(self) -> None:
        item = counted(Guest("g", GuestType.HVM, vcpus=2, maxvcpus=4))
        assert by_device(item)["ioreq"] == (5, 5)

    def test_a_stub_domain_takes_the_emulators_ends_off_dom0(self) -> None:
        item = counted(Guest("g", GuestType.HVM, vcpus=2, emulator="g-dm"))
        assert by_device(item)["ioreq"] == (3, 3)
        assert item.ports_by_backend == {"dom0": 4}  # the guest's two ends, its stub domain's two

    def test_a_stub_domain_has_the_emulators_ends_plus_its_own_set(self) -> None:
        item = counted(Guest("g", GuestType.HVM, vcpus=2, emulator="g-dm", copies=3))
        assert item.stub is not None
        assert item.stub.guest.copies == 3
        assert by_device(item.stub)["ioreq"] == (3, 0)
        assert item.stub.domu_ports == 1 + 1 + 5 + 3

    def test_without_pv_drivers_only_toolstack_and_emulator_remain(self) -> None:
        guest = Guest("g", GuestType.HVM, os=OsFamily.NONE, vcpus=2, devices=ONE_VIF_ONE_DISK)
        assert set(by_device(counted(guest))) == {"xenstore", "console", "ioreq"}


class TestBackends:
    def test_a_driver_domain_holds_its_own_devices_ends(self) -> None:
        guest = Guest("g", vcpus=2, devices=(Device("vif", backend="net"), Device("vbd")))
        assert counted(guest).ports_by_backend == {"dom0": 4, "net": 4}

    def test_a_driver_domain_in_the_fleet_gives_its_own_cpus_and_ports(self) -> None:
        guest = Guest("g", vcpus=4, devices=(Device("vif", backend="net"),), copies=5)
        census = census_of(Fleet((Guest("net", vcpus=2), guest)))
        assert by_device(census.guests[1])["vif"] == (4, 4)  # min(8, 2, 4) queues, split
        backend = {item.name: item for item in census.backends}["net"]
        assert (backend.base_ports, backend.guest_ports) == (2 + 12, 5 * 4)

    def test_the_host_may_offer_fewer_queues_and_rings(self) -> None:
        host = Host(vif_queues=2, vif_split=False, vbd_rings=1)
        guest = Guest("g", vcpus=8, devices=ONE_VIF_ONE_DISK)
        found = by_device(census_of(Fleet((guest,), host)).guests[0])
        assert (found["vif"], found["vbd"]) == ((2, 2), (1, 1))


class TestPci:
    """PV PCI: 1, and 1 PIRQ a vector; the other end in the backend only of the first"""

    def test_a_pv_guest_reaches_all_its_devices_through_one_pcifront(self) -> None:
        found = by_device(counted(Guest("g", devices=(Device("pci", count=2, channels=3),))))
        assert (found["pcifront"], found["pci"]) == ((1, 1), (6, 0))

    def test_other_guests_have_the_interrupts_only(self) -> None:
        guest = Guest("g", GuestType.HVM, devices=(Device("pci"), Device("pci")))
        found = by_device(counted(guest))
        assert "pcifront" not in found
        assert found["pci"] == (2, 0)


class TestLimits:
    def test_libxl_allows_ports_up_to_1023_and_xenopsd_any(self) -> None:
        guest = Guest("g")
        assert counted(guest).highest_allowed_port(Host()) == 1023
        assert counted(guest).highest_allowed_port(Host(toolstack="xenopsd")) == 131071
        assert counted(guest).highest_allowed_port(Host(abi="2l-64", toolstack="xenopsd")) == 4095

    def test_a_guest_may_say_otherwise(self) -> None:
        assert counted(Guest("g", max_event_channels=2047)).highest_allowed_port(Host()) == 2047


class TestBadModels:
    @pytest.mark.parametrize(
        "make",
        [
            lambda: Guest("g", vcpus=0),
            lambda: Guest("g", vcpus=4, maxvcpus=2),
            lambda: Guest("g", copies=10**30),
            lambda: Guest("g", type="xvm"),  # type: ignore[arg-type]
            lambda: Device("nic"),
            lambda: Device("vif", queues=0),
            lambda: Host(abi="fif0"),
            lambda: Fleet(()),
        ],
    )
    def test_are_refused(self, make: object) -> None:
        with pytest.raises(EvtplanError):
            make()  # type: ignore[operator]
