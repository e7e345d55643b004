"""Our own samples of every format, with every oddity that real files have, and their counts."""

from pathlib import Path

import pytest

from evtplan.errors import InputError
from evtplan.fleet.census import Census, GuestCensus, census_of
from evtplan.fleet.readers.load import load_fleet

SAMPLES = Path(__file__).resolve().parents[1] / "samples"

# What the sample holds besides xenstore and console: device -> (count, domU ports, backend ports),
# counted by hand from the rules: a vif 2·min(8, 8, vcpus), a vbd min(4, 8, vcpus), an ioreq
# server maxvcpus + 1, 6 a VCPU in PV and 5 otherwise, one less with a single possible VCPU.
XL: dict[str, tuple[str, int, int, dict[str, tuple[int, int, int]]]] = {
    "01-plain-pv": ("pv", 2, 2, {"vif": (1, 4, 4), "vbd": (1, 2, 2), "vcpu": (2, 12, 0)}),
    "02-quoted-integers": ("pv", 4, 8, {"vif": (1, 8, 8), "vcpu": (4, 24, 0)}),
    "03-indented-whole-no-final-newline": (
        "pv", 1, 1, {"vif": (1, 2, 2), "vbd": (1, 1, 1), "vcpu": (1, 5, 0)},
    ),
    "04-semicolons": ("pvh", 2, 2, {"vif": (1, 4, 4), "vcpu": (2, 10, 0)}),
    "05-lists-over-lines": ("pv", 2, 2, {"vif": (2, 8, 8), "vbd": (3, 6, 6), "vcpu": (2, 12, 0)}),
    "06-append": ("pv", 1, 1, {"vif": (3, 6, 6), "vbd": (1, 1, 1), "vcpu": (1, 5, 0)}),
    "07-crlf": ("pv", 2, 2, {"vif": (2, 8, 8), "vcpu": (2, 12, 0)}),
    "08-latin1-comment": ("pv", 2, 2, {"vif": (1, 4, 4), "vcpu": (2, 12, 0)}),
    "09-utf8-mark": ("pv", 2, 2, {"vif": (1, 4, 4), "vcpu": (2, 12, 0)}),
    "10-hexadecimal": ("pv", 4, 4, {"vif": (1, 8, 8), "vcpu": (4, 24, 0)}),
    "11-escapes": ("pv", 1, 1, {"vif": (1, 2, 2), "vcpu": (1, 5, 0)}),
    "12-hvm-builder": (
        "hvm", 2, 2, {"vif": (1, 4, 4), "vbd": (1, 2, 2), "ioreq": (1, 3, 3), "vcpu": (2, 10, 0)},
    ),
    "13-disks-of-every-form": ("pv", 4, 4, {"vbd": (10, 40, 40), "vcpu": (4, 24, 0)}),
    "14-hvm-cdroms-and-ioemu": (
        "hvm", 1, 1, {"vbd": (1, 1, 1), "ioreq": (1, 2, 2), "vcpu": (1, 4, 0)},
    ),
    "15-driver-domains": (
        "pv", 2, 2, {"vif": (3, 12, 12), "vbd": (1, 2, 2), "vtpm": (1, 1, 1), "vcpu": (2, 12, 0)},
    ),
    "16-driver-domain-itself": (
        "pv", 2, 2, {"pcifront": (1, 1, 1), "pci": (2, 2, 0), "vbd": (1, 2, 2), "vcpu": (2, 12, 0)},
    ),
    "17-every-list-of-devices": (
        "pvh", 1, 1,
        {
            "vif": (1, 2, 2), "vbd": (1, 1, 1), "vfb": (1, 1, 1), "vkb": (2, 2, 2),
            "vtpm": (1, 1, 1), "9pfs": (1, 2, 2), "pvcalls": (1, 1, 1), "channel": (2, 2, 2),
            "usbctrl": (1, 1, 1), "vdispl": (1, 4, 4), "vsnd": (2, 6, 6), "vcpu": (1, 4, 0),
        },
    ),
    "18-vnc-in-pv-makes-a-screen": (
        "pv", 1, 1, {"vfb": (1, 1, 1), "vkb": (1, 1, 1), "vcpu": (1, 5, 0)},
    ),
    "19-stub-domain": (
        "hvm", 2, 2, {"vif": (1, 4, 4), "vbd": (1, 2, 2), "ioreq": (1, 3, 3), "vcpu": (2, 10, 0)},
    ),
    "20-keyboard-asked": ("hvm", 1, 1, {"vkb": (1, 1, 1), "ioreq": (1, 2, 2), "vcpu": (1, 4, 0)}),
    "21-no-platform-device": ("hvm", 8, 8, {"ioreq": (1, 9, 9)}),
    "22-usb-devices-alone": ("pv", 1, 1, {"usbctrl": (1, 1, 1), "vcpu": (1, 5, 0)}),
    "23-hvm-emulated-usb": (
        "hvm", 1, 1, {"usbctrl": (1, 1, 1), "ioreq": (1, 2, 2), "vcpu": (1, 4, 0)},
    ),
    "24-irqs-and-iomem": ("pv", 1, 1, {"pirq": (3, 3, 0), "vcpu": (1, 5, 0)}),
    "25-event-channel-limit": ("pv", 1, 1, {"vif": (1, 2, 2), "vcpu": (1, 5, 0)}),
    "26-vnuma": ("hvm", 2, 4, {"ioreq": (1, 5, 5), "vcpu": (2, 10, 0)}),
    "27-several-addresses": ("pv", 2, 2, {"vif": (2, 8, 8), "vcpu": (2, 12, 0)}),
    "28-keys-that-xl-passes-over": ("pv", 1, 1, {"vcpu": (1, 5, 0)}),
    "29-set-twice": ("pv", 3, 3, {"vif": (2, 12, 12), "vcpu": (3, 18, 0)}),
    "30-arm-serial": ("pvh", 2, 2, {"vpl011": (1, 1, 1), "vbd": (1, 2, 2), "vcpu": (2, 10, 0)}),
}  # fmt: skip

# The line of what is no xl.cfg.
NOT_XL = {
    "01-def": 2, "02-percent": 2, "03-import": 1, "04-concatenation": 3, "05-backslash": 2,
    "06-if-else": 3, "07-upper-case": 2, "08-dictionary": 2, "09-negative": 2, "10-bare-word": 2,
    "11-open-string": 2, "12-open-list": 4, "13-call": 2, "14-two-statements-on-a-line": 1,
}  # fmt: skip


def census(path: Path) -> Census:
    return census_of(load_fleet([str(path)]))


def by_device(item: GuestCensus) -> dict[str, tuple[int, int, int]]:
    """device -> (count, domU ports, backend ports), whatever its backends."""
    found: dict[str, tuple[int, int, int]] = {}
    for c in item.channels:
        count, domu, backend = found.get(c.device, (0, 0, 0))
        ports = (c.domu_ports, c.backend_ports)
        found[c.device] = (count + c.count, domu + ports[0], backend + ports[1])
    return found


class TestXlCfg:
    """every xl.cfg option that creates a channel is honoured"""

    @pytest.mark.parametrize("name", XL)
    def test_each_sample_has_the_channels_counted_by_hand(self, name: str) -> None:
        kind, vcpus, possible, devices = XL[name]
        (item,) = census(SAMPLES / "xl" / f"{name}.cfg").guests
        assert (item.guest.type, item.guest.vcpus, item.guest.possible_vcpus) == (
            kind, vcpus, possible,
        )  # fmt: skip
        assert by_device(item) == {"xenstore": (1, 1, 1), "console": (1, 1, 1), **devices}
        assert item.domu_ports == 2 + sum(domu for _, domu, _ in devices.values())
        assert item.backend_ports == 2 + sum(backend for _, _, backend in devices.values())

    def test_every_sample_is_counted_and_there_are_at_least_25(self) -> None:
        assert {path.stem for path in (SAMPLES / "xl").iterdir()} == set(XL)
        assert len(XL) >= 25

    def test_a_devices_backend_may_be_another_domain(self) -> None:
        (item,) = census(SAMPLES / "xl" / "15-driver-domains.cfg").guests
        assert item.ports_by_backend == {"dom0": 2 + 8, "netdom": 4, "storedom": 2, "tpmdom": 1}

    def test_a_stub_domain_has_the_emulators_ends(self) -> None:
        (item,) = census(SAMPLES / "xl" / "19-stub-domain.cfg").guests
        assert item.stub is not None
        assert item.stub.guest.name == "guarded-dm"
        assert item.ports_by_backend == {"dom0": 2 + 4 + 2 + 2}

    def test_the_limit_is_read(self) -> None:
        (item,) = census(SAMPLES / "xl" / "25-event-channel-limit.cfg").guests
        assert item.guest.max_event_channels == 2047

    def test_a_name_is_read_with_its_escapes(self) -> None:
        (item,) = census(SAMPLES / "xl" / "11-escapes.cfg").guests
        assert item.guest.name == "escapes"

    def test_unknown_keys_are_listed_once_with_their_lines(self) -> None:
        path = SAMPLES / "xl" / "28-keys-that-xl-passes-over.cfg"
        (note,) = [n for n in load_fleet([str(path)]).notes if n.startswith("not known")]
        assert f"nic ({path}:3)" in note
        assert f"vif2 ({path}:4)" in note
        assert f"my.own_key2 ({path}:5)" in note
        assert "vncviewer" not in note


class TestNotXlCfg:
    """non-xl python configs get a clear error with file and line"""

    @pytest.mark.parametrize("name", NOT_XL)
    def test_each_is_refused_with_its_line(self, name: str) -> None:
        path = SAMPLES / "not-xl" / f"{name}.cfg"
        with pytest.raises(InputError) as caught:
            load_fleet([str(path)])
        assert caught.value.path == str(path)
        assert caught.value.line == NOT_XL[name]

    def test_every_sample_is_tried(self) -> None:
        assert {path.stem for path in (SAMPLES / "not-xl").iterdir()} == set(NOT_XL)

    @pytest.mark.parametrize("name", ["01-def", "02-percent", "03-import", "05-backslash"])
    def test_what_was_meant_for_xm_is_told_so(self, name: str) -> None:
        with pytest.raises(InputError) as caught:
            load_fleet([str(SAMPLES / "not-xl" / f"{name}.cfg")])
        assert "xm" in caught.value.hint


class TestPairs:
    """pairs of xl.cfg and libvirt XML describing the same domain must give the same census"""

    @pytest.mark.parametrize("other", ["xml", "json"])
    @pytest.mark.parametrize("name", ["pv", "hvm", "pvh"])
    def test_one_domain_in_two_formats_has_the_same_channels(self, name: str, other: str) -> None:
        ours = census(SAMPLES / "pairs" / f"{name}.cfg").guests[0]
        theirs = census(SAMPLES / "pairs" / f"{name}.{other}").guests[0]
        assert by_device(ours) == by_device(theirs)
        assert ours.ports_by_backend == theirs.ports_by_backend
        for field in ("name", "type", "vcpus", "possible_vcpus", "max_event_channels"):
            assert getattr(ours.guest, field) == getattr(theirs.guest, field)

    def test_what_runs_has_its_domain_id(self) -> None:
        for other in ("xml", "json"):
            (item,) = census(SAMPLES / "pairs" / f"pv.{other}").guests
            assert item.guest.domid == 7
