"""Texts written from the language's documentation alone, against a separate explorer's counts."""

import tomllib
from pathlib import Path

import pytest

from evtplan.engine.checking import check
from evtplan.engine.explorer import Limits
from evtplan.engine.language import read_text
from evtplan.engine.system import PropertyKind

TEXTS = Path(__file__).parent / "strangers"
CHECKS = tomllib.loads((TEXTS / "manifest.toml").read_text())["check"]


def _name(item: dict) -> str:
    parameters = ",".join(f"{name}={value}" for name, value in item["parameters"].items())
    return f"{item['text']}-{parameters}-{item['memory']}-{item['stores']}"


@pytest.mark.parametrize("item", CHECKS, ids=_name)
class TestATextNotSeenBefore:
    """somebody writes one from the language's documentation alone … is checked correctly"""

    def test_has_the_counts_and_verdicts_of_another_explorer(self, item: dict) -> None:
        found = check(
            read_text(TEXTS / f"{item['text']}.txt"),
            item["parameters"],
            memory=item["memory"],
            stores=item["stores"],
            limits=Limits(keep_going=True),
        )
        search = found.search
        assert search.states == item["states"]
        assert search.transitions == item["transitions"]
        assert search.at_rest == item["at_rest"]
        assert search.depth == item["depth"]
        broken = {v.item.name: v.depth for v in found.verdicts if v.verdict.value == "broken"}
        assert broken == item["broken"]
        shown = {
            v.item.name: v.depth
            for v in found.verdicts
            if v.item.kind is PropertyKind.SOMETIMES and v.verdict.value == "holds"
        }
        assert shown == item["shown"]


class TestTheTextsBreakWhereTheyShould:
    """a proof needs its mutant: each wrong variant is broken, each right one holds"""

    @pytest.mark.parametrize(
        ("text", "parameters", "memory", "broken"),
        [
            ("peterson", {"swapped": 0}, "sc", set()),
            ("peterson", {"swapped": 1}, "sc", {"mutex"}),
            ("dekker", {"fenced": 0}, "tso", {"mutex"}),
            ("dekker", {"fenced": 1}, "tso", set()),
            ("treiber", {"counted": 0}, "sc", {"own"}),
            ("ring", {"fenced": 0}, "tso", set()),
            ("ring", {"fenced": 0}, "pso", {"in_order"}),
            ("ring", {"fenced": 1}, "pso", set()),
            ("seqlock", {"fenced": 0}, "pso", {"no_tearing"}),
            ("philosophers", {"lefty": 0}, "sc", {"no_deadlock"}),
            ("philosophers", {"lefty": 1}, "sc", set()),
        ],
    )
    def test_and_nowhere_else(
        self, text: str, parameters: dict, memory: str, broken: set[str]
    ) -> None:
        rows = [i for i in CHECKS if (i["text"], i["memory"]) == (text, memory)]
        default = {
            name: each.default for name, each in read_text(TEXTS / f"{text}.txt").parameters.items()
        }
        wanted = {**default, **parameters}
        found = [set(i["broken"]) for i in rows if {**default, **i["parameters"]} == wanted]
        assert found
        assert all(each == broken for each in found)
