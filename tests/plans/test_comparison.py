"""Comparisons: rows as `size` has them, references, order, and what changed since."""

import json

import pytest

from evtplan import Device, Fleet, Guest, Host, size
from evtplan.errors import EvtplanError, InputError, UnknownNameError
from evtplan.plans.comparison import compare, compare_numbers
from evtplan.plans.earlier import changes_between, read_earlier
from evtplan.plans.sizing import SizingInputs
from evtplan.plans.verdicts import protocol_verdict

WEB = Fleet((Guest("web", vcpus=2, devices=(Device("vif"), Device("vbd")), copies=100),), name="a")
BIG = Fleet((Guest("big", vcpus=8, devices=(Device("vif"), Device("vbd")), copies=100),), name="b")
ALL = ("2l-32", "2l-64", "3l-32", "3l-64", "fifo-draft-a", "fifo")


class TestRows:
    @pytest.mark.parametrize("abi", ALL)
    def test_are_what_size_says(self, abi: str) -> None:
        (row,) = compare([WEB], (abi,)).rows
        (sized,) = size(WEB, abi=abi).rows
        assert (row.vm_limit, row.binding, row.total_pages) == (
            sized.vm_limit, sized.binding, sized.total_pages,
        )  # fmt: skip
        assert row.memory_bytes == sized.total_bytes + sized.xenheap_bytes
        assert row.memory_bytes_per_vm == -(-row.memory_bytes // 100)

    def test_priorities_are_16_under_fifo_only(self) -> None:
        rows = compare([WEB], ALL).rows
        assert [row.priorities for row in rows] == [1, 1, 1, 1, 16, 16]

    def test_by_numbers_one_host_holds_for_every_abi_and_costs_are_of_as_many_vms(self) -> None:
        rows = compare_numbers([SizingInputs(abi, 20) for abi in ALL]).rows
        assert {row.xen for row in rows} == {"4.22"}
        assert {row.vms for row in rows} == {51}  # what 2l-32 carries: 1023 ÷ 20


class TestReference:
    """relative columns against --reference"""

    def test_an_abi_is_the_reference_within_each_fleet(self) -> None:
        rows = compare([WEB, BIG], ("2l-64", "fifo"), reference="2l-64").rows
        assert [row.reference for row in rows] == [
            "a 4.22 x86-64 2l-64", "a 4.22 x86-64 2l-64", "b 4.22 x86-64 2l-64",
            "b 4.22 x86-64 2l-64",
        ]  # fmt: skip
        assert [row.vm_limit_vs_reference_percent for row in rows][::2] == [0.0, 0.0]

    def test_a_fleet_is_the_reference_under_each_abi(self) -> None:
        rows = compare([WEB, BIG], ("2l-64", "fifo"), reference="a").rows
        assert [row.reference for row in rows][2:] == ["a 4.22 x86-64 2l-64", "a 4.22 x86-64 fifo"]
        assert rows[3].vm_limit_vs_reference_percent == round(
            100 * (rows[3].vm_limit - rows[1].vm_limit) / rows[1].vm_limit, 2
        )

    def test_nothing_stands_where_the_reference_has_zero(self) -> None:
        rows = compare([WEB], ("2l-64", "fifo")).rows
        assert rows[1].total_pages_vs_reference_percent is None

    def test_an_unknown_one_gets_a_suggestion(self) -> None:
        with pytest.raises(UnknownNameError) as caught:
            compare([WEB], ("2l-64", "fifo"), reference="fif")
        assert caught.value.hint == "did you mean fifo?"


class TestSort:
    def test_by_a_column_and_missing_values_last(self) -> None:
        rows = compare([WEB], ALL, sort="vm_limit", descending=True).rows
        assert [row.abi for row in rows][:2] == ["3l-64", "fifo-draft-a"]
        rows = compare([WEB], ALL, sort="control_block_pages").rows
        assert rows[0].abi == "fifo"

    def test_an_unknown_column_is_refused(self) -> None:
        with pytest.raises(UnknownNameError, match="vm_limt"):
            compare([WEB], ALL, sort="vm_limt")


class TestFleets:
    def test_two_of_one_name_on_one_host_are_refused(self) -> None:
        with pytest.raises(EvtplanError, match="two fleets are called a"):
            compare([WEB, WEB], ("fifo",))

    def test_one_fleet_on_two_hosts_is_compared(self) -> None:
        hosts = [Fleet(WEB.guests, Host(xen=xen), "a") for xen in ("4.4", "4.6")]
        rows = compare(hosts, ("fifo",), reference="4.4").rows
        assert rows[1].xenheap_bytes > rows[0].xenheap_bytes

    def test_the_cheapest_that_carries_the_mix(self) -> None:
        points = compare([WEB], ("2l-64", "fifo")).break_evens
        assert [(p["first_value"], p["best_before"], p["best_from"]) for p in points] == [
            (504, "2l-64", "fifo"), (16377, "fifo", None),
        ]  # fmt: skip


class TestAgainst:
    """what changed, absolutely and in per cent"""

    BEFORE = (
        {"fleet": "a", "xen": "4.22", "arch": "x86-64", "abi": "fifo", "vms": 200, "x": None},
    )

    def changed(self, **now: object) -> list[tuple[object, ...]]:
        rows = changes_between(self.BEFORE, [{**self.BEFORE[0], **now}])
        return [tuple(row.values())[4:] for row in rows]

    def test_numbers_change_absolutely_and_in_per_cent(self) -> None:
        assert self.changed(vms=250) == [("vms", 200, 250, 50, 25.0)]

    def test_text_and_missing_values_have_no_difference(self) -> None:
        assert self.changed(x=3) == [("x", None, 3, None, None)]

    def test_nothing_changed_is_no_row(self) -> None:
        assert self.changed() == []

    def test_a_configuration_on_one_side_only_is_named(self) -> None:
        assert self.changed(abi="2l-64") == [
            ("configuration", "absent", "present", None, None),
            ("configuration", "present", "absent", None, None),
        ]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "expecting value"),
            ("{", "expecting property name"),
            ("[" * 100_000, "nested too deeply"),
            ('{"x": NaN}', "NaN is no number"),
            ("[]", "no comparison saved as JSON"),
            ('{"command": "compare", "schema": 2, "rows": []}', "schema 2"),
            ('{"command": "compare", "schema": 1, "rows": 3}', "rows must be a list"),
            ('{"command": "compare", "schema": 1, "rows": [{}]}', "a row has no abi"),
            (
                '{"command": "compare", "schema": 1, "rows": [{"abi": "fifo", "xen": [1]}]}',
                "single",
            ),
            ('{"command": "compare", "schema": 1, "rows": [{"abi": "fifo", "xen": 4}]}', "be text"),
            ('{"rows": [{"abi": "fifo", "vms": 1e999}]}', "1e999 is too large"),
            ('{"rows": [{"abi": "fifo", "vms": ' + "9" * 5000 + "}]}", "a number of 5000 digits"),
            (
                '{"command": "compare", "schema": 1, '
                '"rows": [{"abi": "fifo", "binding": "\\ud800"}]}',
                "unprintable",
            ),
        ],
    )
    def test_what_is_no_saved_comparison_is_refused(self, text: str, said: str) -> None:
        with pytest.raises(InputError, match=said):
            read_earlier("saved.json", text)

    def test_a_per_cent_beyond_numbers_is_none(self) -> None:
        before = {**self.BEFORE[0], "vms": 5e-324}
        (change,) = changes_between([before], self.BEFORE)
        assert change["change_percent"] is None

    def test_a_sizing_serves_too(self) -> None:
        text = json.dumps({"command": "size", "schema": 1, "rows": [dict(self.BEFORE[0])]})
        assert read_earlier("saved.json", text) == self.BEFORE


class TestFrames:
    def test_a_column_has_its_type_whether_or_not_it_has_values(self) -> None:
        types = compare([WEB], ("fifo",)).to_frame().dtypes.astype(str)
        assert types["vm_limit_domu_ports"] == types["vm_limit_pages"] == "Int64"
        assert types["protocol_holds"] == "boolean"
        sized = size(WEB).to_frame().dtypes.astype(str)
        assert sized["vm_limit_second_method"] == "Int64"
        assert sized["methods_differ_percent"] == "float64"


class TestBreakEvens:
    def test_the_last_point_of_the_abi_with_the_most_ports_is_listed(self) -> None:
        points = compare_numbers([SizingInputs(abi, 20) for abi in ("fifo", "3l-64")]).break_evens
        last = [p for p in points if p["measure"] == "vm_limit"][-1]
        assert (last["first_value"], last["best_before"], last["best_from"]) == (
            262144, "3l-64", None,
        )  # fmt: skip


class TestProtocolVerdicts:
    """whether the protocol holds (from the manifest)"""

    def test_draft_a_is_broken_and_the_final_abi_holds(self) -> None:
        assert protocol_verdict("fifo-draft-a") is False
        assert protocol_verdict("fifo") is True
        assert protocol_verdict("2l-64") is True
