"""The large rows of the reference table: states, transitions, depths."""

from pathlib import Path

import pytest

from evtplan.engine.explorer import Limits, explore, usable_cores
from evtplan.engine.language import read_text
from evtplan.engine.lowering import lower

TEXTS = Path(__file__).resolve().parents[2] / "examples" / "protocols"
NAMES = ("ports", "raises", "raisers", "maskers")
MODELS = ("f_head", "f_44", "a_lock", "a_pub", "a_fix")
# states/transitions as SPIN counts them: edges + 1 + states of rest
TABLE = """
2 2 1 1 | 287074/784443 397694/1110047 93152/233015 178984/453815 210036/552757
3 2 1 0 | 187636/371968 189799/375835 162019/301402 1014670/1978933 518575/1020868
3 2 1 1 | 8553359/24332281 11933729/34562872 3199583/8390959 22344410/59707333 10616246/29090494
4 1 1 1 | 2134474/5839801 3145202/8802905 1420838/3440089 11158162/27832129 5096170/12936165
"""
CASES = [
    (model, tuple(map(int, row.split("|")[0].split())), *map(int, cell.split("/")))
    for row in TABLE.strip().splitlines()
    for model, cell in zip(MODELS, row.split("|")[1].split(), strict=True)
]


@pytest.mark.slow
class TestLargeRows:
    """give exactly the states, transitions, verdicts and depths printed there"""

    @pytest.mark.parametrize(("model", "row", "states", "spin"), CASES)
    def test_count_what_other_checkers_count(
        self, model: str, row: tuple[int, ...], states: int, spin: int
    ) -> None:
        # The search alone: the properties of these models are checked on the small rows.
        text = read_text(TEXTS / f"{model}.py")
        system = lower(text, dict(zip(NAMES, row, strict=True)), properties=False)
        found = explore(system, Limits(plain_states=0, threads=usable_cores(), keep_going=True))
        assert found.finished
        assert found.states == states
        assert found.transitions + 1 + found.at_rest == spin
        if (model, row) == ("f_head", (3, 2, 1, 1)):
            assert found.depth == 119
            assert found.bytes_per_state < 77 / 4
