"""Sensitivity: derivatives, whole-VM effects, ranks, and where the best ABI changes."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from evtplan.abi import ABIS
from evtplan.fleet.model import Device, Fleet, Guest
from evtplan.plans.sensitivity import Effect, sensitivity_by_numbers, sensitivity_of_fleet
from evtplan.plans.sizing import SizingInputs, size_by_numbers
from tests.commands.in_process import evtplan

BY_PAGES = SizingInputs("fifo-draft-a", 64, pages=13107, backends=100, vcpus=2)
BY_PORTS = SizingInputs("2l-64", 6, backend_base_ports=100)


def effects(given: SizingInputs) -> dict[str, Effect]:
    return {effect.input: effect for effect in sensitivity_by_numbers(given).effects}


def limit(given: SizingInputs) -> int:
    return size_by_numbers([given]).rows[0].vm_limit


class TestDerivatives:
    """exact derivative of the estimate (SymPy)"""

    def test_of_the_drafts_estimate(self) -> None:
        found = effects(BY_PAGES)
        events, words, pages = 64, 1024, 13107
        assert found["pages"].derivative_estimate == Fraction(words, words + events)
        assert found["events_per_vm"].derivative_estimate == -Fraction(
            pages * words, (words + events) ** 2
        )
        assert found["words_per_page"].derivative_estimate == Fraction(
            pages * events, (words + events) ** 2
        )

    def test_of_vcpus_is_0_where_control_blocks_take_no_pages(self) -> None:
        assert effects(BY_PAGES)["vcpus"].plus_one == 0
        assert effects(BY_PAGES)["vcpus"].derivative_limit == 0
        final = effects(replace(BY_PAGES, abi="fifo"))["vcpus"]
        assert final.plus_one < 0
        assert final.derivative_limit is not None
        assert final.derivative_limit < 0

    def test_of_the_limit_by_backend_ports(self) -> None:
        found = effects(BY_PORTS)
        assert found["backends"].derivative_limit == Fraction(4095 - 100, 6)
        assert found["events_per_vm"].derivative_limit == -Fraction(4095 - 100, 36)
        assert found["backend_base_ports"].derivative_limit == -Fraction(1, 6)
        assert found["pages"].derivative_limit is None

    def test_of_the_3_level_limit_by_pages(self) -> None:
        found = effects(SizingInputs("3l-64", 4, pages=1600))
        assert found["pages"].derivative_limit == Fraction(1, 16)
        assert found["pages"].derivative_estimate is None


class TestEffects:
    """exact integer effect of one unit and of 10 %, ranked"""

    @pytest.mark.parametrize("given", [BY_PAGES, BY_PORTS, replace(BY_PAGES, abi="fifo")])
    def test_are_those_of_sizing_anew(self, given: SizingInputs) -> None:
        now = size_by_numbers([given]).rows[0]
        full = replace(given, pages=now.pages)
        for name, effect in effects(given).items():
            value = getattr(full, name)
            for step, gain in (
                (1, effect.plus_one),
                (-1, effect.minus_one),
                (effect.tenth, effect.plus_tenth),
                (-effect.tenth, effect.minus_tenth),
            ):
                if gain is None:
                    assert value + step < (0 if name == "backend_base_ports" else 1)
                else:
                    fields: dict[str, int] = {name: value + step}
                    assert gain == limit(replace(full, **fields)) - now.vm_limit  # type: ignore[arg-type]

    def test_ten_per_cent_are_rounded_up_and_at_least_one(self) -> None:
        found = effects(BY_PAGES)
        assert (found["pages"].tenth, found["vcpus"].tenth) == (1311, 1)

    def test_the_largest_comes_first_and_equals_share_a_rank(self) -> None:
        found = sensitivity_by_numbers(BY_PAGES).effects
        sizes = [max(abs(e.plus_tenth or 0), abs(e.minus_tenth or 0)) for e in found]
        assert sizes == sorted(sizes, reverse=True)
        assert found[0].rank == 1
        assert found[0].input == "pages"

    def test_where_domain_ids_bind_nothing_moves_the_limit_and_a_note_says_so(self) -> None:
        found = sensitivity_by_numbers(SizingInputs("fifo-draft-a", 4, backends=1000))
        assert {e.plus_tenth for e in found.effects} == {0}
        assert any("domain IDs" in note for note in found.notes)


class TestFleet:
    def test_vcpus_and_devices_of_each_group_are_inputs(self) -> None:
        web = Guest("web", vcpus=2, devices=(Device("vif"), Device("vbd")), copies=10)
        found = {e.input: e for e in sensitivity_of_fleet(Fleet((web,)), ("2l-64",)).effects}
        assert {"guest.web.vcpus", "guest.web.vif", "guest.web.vbd", "pages"} <= set(found)
        assert found["guest.web.vif"].plus_one is not None
        assert found["guest.web.vif"].plus_one < 0
        assert found["backends"].plus_one is not None
        assert found["backends"].plus_one > 0


class TestCommand:
    ARGS = ("--set", "E_V=64", "--set", "pages=131072", "--set", "c=4", "--set", "B=100")

    def test_json_has_effects_and_break_even_points(self) -> None:
        result = evtplan("sensitivity", *self.ARGS, "--format", "json")
        assert result.returncode == 0
        document = json.loads(result.stdout)
        assert {"rank", "input", "plus_one", "plus_tenth", "derivative_estimate"} <= set(
            document["rows"][0]
        )
        assert document["break_even"]

    def test_break_even_points_are_exact(self) -> None:
        """the first value of a chosen quantity at which the cheaper ABI changes"""
        result = evtplan("sensitivity", *self.ARGS, "--format", "json")
        points = {
            p["first_value"]: (p["best_before"], p["best_from"])
            for p in json.loads(result.stdout)["break_even"]
            if p["measure"] == "vm_limit"
        }
        given = SizingInputs("fifo", 64, pages=131072, vcpus=4, backends=100)

        def best(events: int) -> str:
            limits = {a: limit(replace(given, abi=a, events_per_vm=events)) for a in ABIS}
            return ", ".join(a for a in ABIS if limits[a] == max(limits.values()))

        counted = {}
        for events in range(2, 700):
            before, now = best(events - 1), best(events)
            if before != now:
                counted[events] = (before, now)
        assert counted
        assert {at: change for at, change in points.items() if at < 700} == counted

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            ([], "nothing to size"),
            (["--set", "E_V=0"], "events_per_vm is 0"),
            (["--set", "E_V=64", "--set", "events_per_vm=65"], "contradictory"),
            (["--set", "E_V=64", "--set", "pges=65"], "did you mean pages?"),
            (["--set", "E_V"], "no assignment"),
            (["--set", "E_V=1.5"], "whole number"),
            (["--set", "E_V=64", "--abi", "fifoo"], "did you mean fifo?"),
            (["--set", "E_V=64", "--break-even", "page"], "did you mean pages?"),
            (["no-such-file.toml"], "no-such-file.toml"),
        ],
    )
    def test_bad_input_is_one_error(self, args: list[str], said: str) -> None:
        result = evtplan("sensitivity", *args)
        assert result.returncode == 2
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert said in result.stderr
