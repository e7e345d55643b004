"""Fleet files and names that take a reader minutes, or crash it, unless it looks first."""

from pathlib import Path

import pytest

from evtplan.errors import EvtplanError, InputError
from evtplan.fleet.readers.fleet_toml import read_fleet_toml
from evtplan.fleet.readers.libvirt_xml import read_libvirt_xml
from evtplan.fleet.readers.load import load_fleet
from evtplan.fleet.readers.xl_cfg import read_xl_cfg

GUEST = '[[guest]]\nname = "a"\n'


class TestFleetFiles:
    """Hostile input: … a 100 MB single line, recursion: one clear error … no hang, no traceback"""

    @pytest.mark.parametrize(
        ("text", "reason", "line"),
        [
            (GUEST + "vcpus = " + "9" * 100_000, "too many digits", 3),
            (GUEST + "device = " + "[" * 10_000, "nested too deeply", 3),
            (GUEST + "device = " + "{a = " * 10_000, "nested too deeply", 3),
            (GUEST + "vcpus = 0x" + "f" * 100_000, "vcpus is a number of too many digits", 3),
            ("[host]\n" + "a." * 50_000 + "b = 1", "a key of more than 32 parts", 2),
            ("[host]\n" + '"a" . ' * 50_000 + "b = 1", "a key of more than 32 parts", 2),
            ('[host]\nabi = "' + "a" * 50_000_000 + '"', "a line longer than 4 MiB", 2),
        ],
        ids=["decimal", "lists", "tables", "hexadecimal", "dotted", "quoted", "line"],
    )
    def test_one_clear_error(self, text: str, reason: str, line: int | None) -> None:
        with pytest.raises(InputError) as caught:
            read_fleet_toml("f.toml", text)
        assert reason in caught.value.reason
        assert caught.value.line == line


class TestKeys:
    def test_a_name_of_a_million_characters_is_cut_in_the_note(self, tmp_path: Path) -> None:
        path = tmp_path / "a.cfg"
        path.write_text("k" * 1_000_000 + " = 1\nvcpus = 1\n")
        assert all(len(note) < 300 for note in load_fleet([str(path)]).notes)

    def test_vcpus_of_vnuma_may_be_any_number(self) -> None:
        text = f"vcpus = 2\nvnuma = [ [ 'vcpus=0-{'9' * 100_000}' ], [ 'vcpus=0-99999' ] ]\n"
        assert read_xl_cfg("a.cfg", text).guests[0].possible_vcpus == 2


class TestErrors:
    """one clear error or note each"""

    @pytest.mark.parametrize(
        "text",
        [
            "{long} 1",
            "type = '{long}'",
            "builder = '{long}'",
            "disk = [ '/a,raw,xvda,rw,{long}' ]",
            "vcpus = {long}",
        ],
    )
    def test_repeat_little_of_what_is_very_long(self, text: str) -> None:
        with pytest.raises(EvtplanError) as caught:
            read_xl_cfg("a.cfg", text.format(long="k" * 100_000))
        assert len(caught.value.message) < 500
        assert len(caught.value.hint) < 200


class TestJson:
    @pytest.mark.parametrize("text", ["[1, 2]", "[null]", "", "7", '"x"'])
    def test_a_file_that_is_named_so_is_read_as_json(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "list.json"
        path.write_text(text)
        with pytest.raises(InputError, match="JSON"):
            load_fleet([str(path)])


class TestHeadings:
    def test_one_with_a_carriage_return_and_a_quote_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "vms.csv"
        path.write_bytes(b'name \r"\nvcpus = 1\n')
        with pytest.raises(InputError, match="no column of VMs that is known"):
            load_fleet([str(path)])


class TestNames:
    def test_a_name_of_a_million_characters_is_no_name(self) -> None:
        name = "n" * 1_000_000
        with pytest.raises(EvtplanError, match="a name of 1000000 characters"):
            read_xl_cfg("a.cfg", f'name = "{name}"\nvcpus = 1\n')
        document = f"<domain type='xen'><name>{name}</name></domain>"
        with pytest.raises(EvtplanError, match="a name of 1000000 characters"):
            read_libvirt_xml("a.xml", document.encode())


class TestPairs:
    """pairs of xl.cfg and libvirt XML describing the same domain must give the same census"""

    def test_devices_come_in_one_order_whatever_the_file_lists_first(self) -> None:
        cfg = (
            'name = "a"\ntype = "pvh"\npci = ["01:00.0"]\nchannel = ["name=c,connection=pty"]\n'
            'p9 = ["tag=s,path=/s,security_model=none"]\nvif = [""]\n'
        )
        xml = b"""<domain type='xen'><name>a</name><os><type>xenpvh</type></os><devices>
            <channel type='pty'><target type='xen' name='c'/></channel><hostdev type='pci'/>
            <interface type='ethernet'/><filesystem><target dir='s'/></filesystem>
            </devices></domain>"""
        (one,), (other,) = read_xl_cfg("a", cfg).guests, read_libvirt_xml("a", xml).guests
        assert one == other
