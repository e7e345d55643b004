"""xl.cfg: the whole syntax, and the keys that open channels."""

import pytest

from evtplan.errors import InputError
from evtplan.fleet.model import Guest
from evtplan.fleet.readers.xl_cfg import read_xl_cfg


def guest(text: str) -> Guest:
    return read_xl_cfg("test.cfg", text).guests[0]


def kinds(text: str) -> list[str]:
    """The kind of every device, as often as there are devices of it."""
    return [device.kind for device in guest(text).devices for _ in range(device.count)]


class TestSyntax:
    @pytest.mark.parametrize(
        "text",
        [
            "vcpus = 3",
            "vcpus=3;name='x'",
            "  vcpus = 3  # trailing",
            "vcpus = '3'",
            'vcpus = "3"\r\nname = "x"\r\n',
            "vcpus = 0x3",
            "vcpus = 2\nvcpus = 3",
            "# Grüße\nvcpus = 3",
            "\ufeffvcpus = 3",
            ";;\n;vcpus = 3;;",
        ],
    )
    def test_a_number_may_be_written_many_ways(self, text: str) -> None:
        assert guest(text).vcpus == 3

    @pytest.mark.parametrize(
        "text",
        [
            "vif = [ '', '' ]",
            "vif = [\n  '',   # first\n\n  '',\n]",
            "vif = ['']\nvif += ['']",
            'vif = [ "mac=00:16:3e:00:00:01, bridge=xenbr0", "rate=10240KB/s" ]',
        ],
    )
    def test_lists_span_lines_and_hold_comments(self, text: str) -> None:
        assert kinds(text) == ["vif", "vif"]

    def test_nested_lists_are_read_over(self) -> None:
        assert guest("vnuma = [ ['pnode=0', 'size=1'], ['pnode=1'] ]\nvcpus = 2").vcpus == 2

    def test_escapes_in_strings(self) -> None:
        assert guest(r"name = 'a\x41\'b'").name == "aA'b"

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("vcpus = 3\nvif = [ 'a'", 2),
            ("\n\nname = 'open", 3),
            ("vcpus = -1", 1),
            ("import os", 1),
            ("Name = 'x'", 1),
            ("a = 1 \\\n+ 2", 1),
            ("def f():\n  pass", 1),
            ("vcpus = { }", 1),
            ("vcpus = two", 1),
            ("= 3", 1),
            ("vcpus 3", 1),
            ("x = " + "[" * 100, 1),
        ],
    )
    def test_what_is_no_xl_cfg_is_named_with_its_line(self, text: str, line: int) -> None:
        with pytest.raises(InputError) as caught:
            guest(text)
        assert caught.value.line == line


class TestGuests:
    def test_default_is_one_pv_vcpu(self) -> None:
        found = guest("memory = 64")
        assert (found.type, found.vcpus, found.possible_vcpus, found.devices) == ("pv", 1, 1, ())

    @pytest.mark.parametrize(
        ("text", "kind"),
        [("type='hvm'", "hvm"), ("builder='hvm'", "hvm"), ("type='pvh'", "pvh"), ("pvh=1", "pvh")],
    )
    def test_type_by_either_key(self, text: str, kind: str) -> None:
        assert guest(text).type == kind

    def test_maxvcpus_and_limit(self) -> None:
        found = guest("vcpus=2\nmaxvcpus=8\nmax_event_channels=2047")
        assert (found.vcpus, found.possible_vcpus, found.max_event_channels) == (2, 8, 2047)

    def test_name_is_the_files_where_none_is_given(self) -> None:
        assert read_xl_cfg("/etc/xen/mail.cfg", "vcpus = 1").guests[0].name == "mail"

    @pytest.mark.parametrize(
        "text",
        [
            "type = 'xvm'",
            "vcpus = 'many'",
            "vcpus = 0",
            "vcpus = '-1'",
            "vcpus = [ 1 ]",
            "maxvcpus = 1; vcpus = 2",
            "builder = 'hvm'; type = 'pv'",
            "max_event_channels = 99999999999999999999999999999999999999999999999999",
        ],
    )
    def test_bad_values_are_named(self, text: str) -> None:
        with pytest.raises(InputError, match=r"test\.cfg:1"):
            guest(text)

    @pytest.mark.parametrize(
        "text", ["", "# nothing\n", "lockfile = '/run/xl'", "name = 'p'\nsched = 'credit'"]
    )
    def test_other_files_in_the_same_syntax_are_refused(self, text: str) -> None:
        with pytest.raises(InputError):
            guest(text)


class TestDevices:
    def test_every_key_that_opens_channels(self) -> None:
        text = """
            vtpm = ['backend=tpm']
            p9 = ['tag=t,path=/p,security_model=none']
            vfb = ['type=vnc']
            channel = ['connection=pty,name=c']
            usbctrl = ['type=pv,version=2,ports=4']
            pci = ['01:00.0']
        """
        assert sorted(kinds(text)) == ["9pfs", "channel", "pci", "usbctrl", "vfb", "vkb", "vtpm"]

    def test_a_backend_domain_is_taken_from_the_specification(self) -> None:
        found = guest("vif = ['backend=net,bridge=x']\ndisk=['backend=store,vdev=xvda,target=/d']")
        assert [device.backend for device in found.devices] == ["net", "store"]

    @pytest.mark.parametrize(
        "disk",
        [
            "/dev/vg/guest,raw,xvda,rw",
            "phy:/dev/vg/guest,xvda,w",
            "file:/img,ioemu:hda,w",
            "tap:aio:/img,xvda,w",
            "nbd:host port,xvda,w",
            "format=qcow2,vdev=xvda,access=rw,target=/img,with,commas=and=equals",
            "target=/img",
            "/img,,xvda",
            "path,,hda,,backendtype=phy",
            "vdev=xvda, format=raw, access=rw, script=block-x, target=/img",
        ],
    )
    def test_disk_specifications(self, disk: str) -> None:
        assert kinds(f"disk = [ '{disk}' ]") == ["vbd"]

    def test_one_value_too_many_is_an_error_with_its_line(self) -> None:
        with pytest.raises(InputError, match=r"test\.cfg:2: disk: 'extra'"):
            guest("disk = [\n'/img,raw,xvda,rw,extra' ]")

    def test_a_cdrom_of_an_hvm_guest_has_no_channel(self) -> None:
        for disk in ("/iso,raw,hdc,cdrom", "file:/iso,hdc:cdrom,r", "/iso,,hdc,,devtype=cdrom"):
            found = read_xl_cfg("t.cfg", f"type='hvm'\ndisk = [ '{disk}' ]")
            assert found.guests[0].devices == ()
            assert any("CD-ROM" in note for note in found.notes)

    def test_a_list_that_is_none_is_counted_with_a_note(self) -> None:
        found = read_xl_cfg("t.cfg", "vif = 'bridge=br0'")
        assert [device.kind for device in found.guests[0].devices] == ["vif"]
        assert any("no list" in note for note in found.notes)
