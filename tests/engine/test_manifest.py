"""Every built-in text has the verdict, states and depth that the manifest says."""

import tomllib
from pathlib import Path

import pytest

import evtplan.protocols
from evtplan.engine.checking import check
from evtplan.engine.language import builtin_texts, read_text

MANIFEST = Path(evtplan.protocols.__file__).parent / "manifest.toml"
CHECKS = tomllib.loads(MANIFEST.read_text())["check"]


@pytest.mark.parametrize(
    "item", CHECKS, ids=lambda item: f"{item['protocol']}-{item['parameters']}-{item['memory']}"
)
class TestManifest:
    """A manifest gives expected verdict, states and depth of each; the tests check them all."""

    def test_is_what_is_found(self, item: dict) -> None:
        found = check(read_text(item["protocol"]), item["parameters"], memory=item["memory"])
        assert found.verdict.value == item["verdict"]
        broken = found.first_broken
        search = found.search
        if broken is not None:
            assert broken.item.name == item["property"]
            assert broken.depth == item["depth"]
            if broken.item.history:
                assert found.history is not None
                search = found.history
        else:
            assert item["property"] == ""
            assert search.depth == item["depth"]
        assert search.states == item["states"]
        assert search.shown, "a model in which nothing happens proves nothing"


class TestHistory:
    """every history pair: broken before, holds after"""

    def test_each_text_is_broken_before_its_fix_and_holds_after(self) -> None:
        texts = [name for name in builtin_texts() if name.startswith("history/")]
        assert len(texts) >= 9
        for name in texts:
            verdicts = {
                item["parameters"]["fixed"]: item["verdict"]
                for item in reversed(CHECKS)
                if item["protocol"] == name
            }
            assert verdicts == {0: "broken", 1: "holds"}, name
