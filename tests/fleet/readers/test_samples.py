"""Our own samples of every format, with every oddity that real files have, and their counts."""

from dataclasses import replace
from pathlib import Path

import pytest

from evtplan.errors import InputError
from evtplan.fleet.census import Census, GuestCensus, census_of
from evtplan.fleet.fleet_text import fleet_toml
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
    "30-arm-serial": ("pvh", 2, 2, {"vpl011": (1, 1, 1), "vbd": (1, 2, 2)}),
    "31-arm-passthrough": ("pvh", 4, 4, {"pirq": (5, 5, 0), "vif": (1, 8, 8)}),
    "32-scsi-hosts": ("pv", 1, 1, {"scsi": (2, 2, 2), "vcpu": (1, 5, 0)}),
    "33-more-usb-devices-than-ports": ("pv", 1, 1, {"usbctrl": (3, 3, 3), "vcpu": (1, 5, 0)}),
    "34-sound-with-many-streams": (
        "pv", 1, 1,
        {"vdispl": (1, 4, 4), "vsnd": (1, 10, 10), "vkb": (2, 2, 2), "vcpu": (1, 5, 0)},
    ),
    "35-hvmloader-without-a-type": ("pv", 1, 1, {"vbd": (1, 1, 1), "vcpu": (1, 5, 0)}),
}  # fmt: skip

# Pairs of xl.cfg and libvirt XML: type, ports of the domU and in each backend, counted by hand.
PAIRS: dict[str, tuple[str, int, dict[str, int]]] = {
    "arm": ("pvh", 2 + 8 + 4, {"dom0": 14}),
    "driver-domains": ("pvh", 2 + 12 + 4 + 10, {"dom0": 2 + 4 + 2, "netdom": 8, "storedom": 2}),
    "hot-pluggable-vcpus": ("pv", 2 + 4 + 4 + 12, {"dom0": 10}),
    "hvm": ("hvm", 2 + 4 + 4 + 2 + 3 + 10, {"dom0": 13}),
    "many-queues": ("pv", 2 + 3 * 16 + 4 + 72, {"dom0": 54}),
    "names-in-other-alphabets": ("pv", 2 + 2 + 5, {"dom0": 2, "netz": 2}),
    "network-card-passed-through": ("hvm", 2 + 16 + 3 + 5 + 20, {"dom0": 23}),
    "nothing-but-a-kernel": ("pvh", 2 + 4, {"dom0": 2}),
    "numa": ("hvm", 2 + 7 + 30, {"dom0": 9}),
    "pv": ("pv", 2 + 16 + 8 + 2 + 2 + 1 + 1 + 24, {"dom0": 23, "netdom": 8}),
    "pv-with-pci": ("pv", 2 + 2 + 1 + 2 + 12, {"dom0": 5}),
    "pv-with-screen": ("pv", 2 + 4 + 4 + 2 + 12, {"dom0": 12}),
    "pvh": ("pvh", 2 + 12 + 20, {"dom0": 14}),
    "serial-and-channels": ("hvm", 2 + 2 + 2 + 4, {"dom0": 6}),
    "shared-folders": ("pvh", 2 + 4 + 15, {"dom0": 4, "filedom": 2}),
    "stub-domain-with-limit": ("hvm", 2 + 8 + 4 + 7 + 20, {"dom0": 2 + 4 + 2, "sys-net": 8}),
    "usb-hvm": ("hvm", 2 + 3 + 10, {"dom0": 5}),
    "usb-pv": ("pv", 2 + 2 + 5, {"dom0": 4}),
    "virtio-disks": ("hvm", 2 + 4 + 2 + 3 + 10, {"dom0": 11}),
    "windows-desktop": ("hvm", 2 + 8 + 16 + 9 + 40, {"dom0": 35}),
}

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

    @pytest.mark.parametrize("name", PAIRS)
    def test_one_domain_in_every_format_has_the_channels_counted_by_hand(self, name: str) -> None:
        kind, domu, backends = PAIRS[name]
        paths = sorted((SAMPLES / "pairs").glob(f"{name}.*"))
        found = [census(path) for path in paths]
        for one in found:
            (item,) = one.guests
            assert (item.guest.type, item.domu_ports, item.ports_by_backend) == (
                kind, domu, backends,
            )  # fmt: skip
            assert one.base_ports == found[0].base_ports
            assert item.channels == found[0].guests[0].channels
            assert replace(item.guest, domid=None) == found[0].guests[0].guest

    def test_every_pair_is_tried(self) -> None:
        files = [path.name for path in (SAMPLES / "pairs").iterdir()]
        assert {Path(name).stem for name in files} == set(PAIRS)
        for suffix in ("cfg", "xml"):
            assert {f"{name}.{suffix}" for name in PAIRS} <= set(files)

    def test_what_runs_has_its_domain_id(self) -> None:
        for other in ("xml", "json"):
            (item,) = census(SAMPLES / "pairs" / f"pv.{other}").guests
            assert item.guest.domid == 7


class TestFleetFile:
    """`-o fleet.toml` normalises what was read so that it can be edited and planned with"""

    @pytest.mark.parametrize(
        "path",
        sorted([*SAMPLES.glob("xl/*"), *SAMPLES.glob("pairs/*")]),
        ids=lambda path: path.name,
    )
    def test_read_again_it_has_the_same_census(self, path: Path, tmp_path: Path) -> None:
        read = census(path)
        written = tmp_path / "fleet.toml"
        written.write_text(fleet_toml(read.fleet, read.notes))
        again = census(written)
        assert again.guests == read.guests
        assert (again.fleet.host, again.backends) == (read.fleet.host, read.backends)
        assert again.notes == read.notes[len(read.fleet.notes) :]

    def test_every_default_that_was_used_stands_in_it(self) -> None:
        read = census(SAMPLES / "pairs" / "hvm.cfg")
        lines = fleet_toml(read.fleet, read.notes).splitlines()
        for note in read.notes:
            assert f"# {note}" in lines
        for start in ("vif queues", "vbd rings", "dom0's own ports", "max_event_channels", "pci:"):
            assert any(line.startswith(f"# {start}") for line in lines)


class TestRemarks:
    """never silently dropped when they could cost channels"""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("type = 'hvm'\nhvm_pirq = 1", "emulated devices"),
            ("type = 'hvm'\npci = [ '01:00.0' ]", "before Xen 4.19"),
            ("type = 'pvh'\npvshim = 1", "shim"),
            ("kernel = '/x/hvmloader'", "xl makes a PV guest"),
            ("virtio = [ 'type=virtio,device22' ]", "ioreq server"),
            ("disk = [ '/x,raw,xvda,rw,specification=virtio' ]", "ioreq server"),
            ("device_tree = '/x.dtb'", "arm64"),
        ],
    )
    def test_what_is_not_counted_or_assumed_is_said(
        self, text: str, said: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.cfg"
        path.write_text(text + "\n")
        assert any(said in note for note in load_fleet([str(path)]).notes)

    def test_a_virtio_disk_of_an_hvm_guest_is_served_by_its_emulator(self, tmp_path: Path) -> None:
        path = tmp_path / "a.cfg"
        path.write_text("type = 'hvm'\ndisk = [ '/x,raw,xvda,rw,specification=virtio' ]\n")
        assert not any("ioreq" in note for note in load_fleet([str(path)]).notes)

    def test_a_host_is_of_the_architecture_that_any_of_its_guests_shows(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "a.cfg").write_text("name = 'a'\nvcpus = 2\n")
        (tmp_path / "b.cfg").write_text("name = 'b'\ngic_version = 'v3'\n")
        assert load_fleet([str(tmp_path)]).host.arch == "arm64"
        (tmp_path / "c.xml").write_text(
            "<domain type='xen'><os><type arch='x86_64'>linux</type></os></domain>"
        )
        assert load_fleet([str(tmp_path)]).host.arch == "x86-64"
