"""`xl list -l`: what several releases print, and what is no domain configuration."""

import json
from typing import Any

import pytest

from evtplan.errors import InputError
from evtplan.fleet.model import Device, Guest
from evtplan.fleet.readers.xl_list import read_xl_list


def entry(name: str, domid: int | None = None, **config: Any) -> dict[str, Any]:
    created = {"type": config.pop("type", "pv"), "name": name}
    built = {"max_vcpus": 2, "avail_vcpus": [0, 1], **config.pop("build", {})}
    return {"domid": domid, "config": {"c_info": created, "b_info": built, **config}}


def guests(*documents: Any) -> tuple[Guest, ...]:
    return read_xl_list("l.json", "\n".join(json.dumps(item) for item in documents)).guests


class TestBackends:
    def test_a_number_is_the_domain_of_the_list_that_has_it(self) -> None:
        nics = [{"backend_domid": 3}, {"backend_domid": 0}, {"backend_domid": 9}]
        nics.append({"backend_domid": 3, "backend_domname": "netvm"})  # type: ignore[dict-item]
        (one, _) = guests([entry("web", 5, nics=nics), entry("netvm", 3)])
        assert one.devices == (
            Device("vif"),
            Device("vif", backend="domain 9"),
            Device("vif", count=2, backend="netvm"),
        )


class TestDocuments:
    """Files, directories, globs, stdin"""

    def test_several_calls_into_one_file_are_read_together(self) -> None:
        found = guests([entry("Domain-0", 0), entry("a", 1)], [entry("b", 2)], entry("c", 3))
        assert [guest.name for guest in found] == ["a", "b", "c"]

    def test_a_bare_configuration_is_a_domain_too(self) -> None:
        assert [guest.name for guest in guests(entry("a")["config"])] == ["a"]

    @pytest.mark.parametrize(
        ("text", "said", "line"),
        [
            ('[{"c_info": [], "b_info": {}}]', "c_info is", None),
            ('[{"c_info": {"name": null}, "b_info": null}]', "b_info is", None),
            ('[{"c_info": {"name": {"a": 1}, "type": ["pv"]}, "b_info": {}}]', "type is", None),
            ('[{"c_info": {}, "b_info": {"max_vcpus": "2"}}]', "max_vcpus is '2'", None),
            ('[{"c_info": {}, "b_info": {}, "disks": {}}]', "must be a list", None),
            ('[{"c_info": {}, "b_info": {}}]\n\nxl: error\n', "expecting value", 3),
            ("", "expecting value", 1),
        ],
    )
    def test_what_is_wrong_is_named(self, text: str, said: str, line: int | None) -> None:
        with pytest.raises(InputError) as caught:
            read_xl_list("l.json", text)
        assert said in caught.value.reason
        assert caught.value.line == line


class TestGuests:
    def test_fields_of_every_release_are_read(self) -> None:
        hvm = {"u.hvm": {"xen_platform_pci": "False"}}
        new = {"type.hvm": {"vkb_device": "True", "pirq": True}, "event_channels": 4095}
        old, now, arm = guests(
            [
                entry("old", type="hvm", build=hvm),
                entry("now", type="hvm", build=new, vscsictrls=[{}], usbdevs=[{}]),
                entry("arm", type="pvh", build={"arch_arm": {"vuart": "sbsa_uart"}}),
            ]
        )
        assert old.os == "none"
        assert now.max_event_channels == 4095
        assert [device.kind for device in now.devices] == ["scsi", "vkb"]
        assert [device.kind for device in arm.devices] == ["vpl011"]

    def test_what_only_arm_has_tells_the_architecture(self) -> None:
        text = json.dumps([entry("a", type="pvh", build={"arch_arm": {"gic_version": "v3"}})])
        assert read_xl_list("l.json", text).arch == "arm64"
        text = json.dumps([entry("a", type="pvh", build={"arch_arm": {}})])
        assert read_xl_list("l.json", text).arch is None
