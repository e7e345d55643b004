"""Our own fleet files: what is read, and what is refused with its line."""

import pytest

from evtplan.errors import InputError
from evtplan.fleet.readers.fleet_toml import read_fleet_toml

GOOD = """
name = "cloud"
[host]
abi = "2l-64"
dom0_vcpus = 4
[[guest]]
name = "web"
count = 10
vcpus = 2
device = [{ kind = "vif" }, { kind = "vbd", count = 2 }]
"""


class TestFleetFile:
    def test_is_read(self) -> None:
        fleet = read_fleet_toml("f.toml", GOOD)
        (web,) = fleet.guests
        assert fleet.host is not None
        assert (fleet.host.abi, web.copies, len(web.devices)) == ("2l-64", 10, 2)

    @pytest.mark.parametrize(
        ("old", "new", "line", "hint"),
        [
            ("vcpus = 2", "vcpu = 2", 9, "did you mean vcpus?"),
            ("[host]", "[hosts]", 3, "did you mean host?"),
            ("count = 10", "count = -1", 8, ""),
            ("count = 10", "count = 1.5", 8, ""),
            ("count = 10", "count = true", 8, ""),
            ('abi = "2l-64"', 'abi = "2l64"', 4, "did you mean 2l-64?"),
            ('kind = "vif"', 'kind = "nic"', 10, None),
            ('name = "web"', "name = 7", 7, ""),
            ("count = 10", "count = = 10", 8, ""),
        ],
    )
    def test_a_slip_is_named_with_file_and_line(
        self, old: str, new: str, line: int, hint: str | None
    ) -> None:
        with pytest.raises(InputError) as caught:
            read_fleet_toml("f.toml", GOOD.replace(old, new))
        assert caught.value.path == "f.toml"
        assert caught.value.line == line
        if hint is not None:
            assert caught.value.hint == hint
