"""Cost files: ours, the user's, and wrong ones."""

from pathlib import Path

import pytest

from evtplan.engine.costs import ACCESS_COSTS, EVENT_COSTS, default_costs, read_costs
from evtplan.errors import EvtplanError, InputError


class TestOurCosts:
    """costs are a TOML file with sources, units and how certain each is"""

    def test_every_cost_has_a_source_a_range_and_a_certainty(self) -> None:
        costs = default_costs().by_name
        assert set(costs) == {*ACCESS_COSTS, *EVENT_COSTS}
        for cost in costs.values():
            assert cost.source
            assert cost.low <= cost.ns <= cost.high
            assert cost.certainty in ("measured", "stated", "assumed")

    def test_all_zero_but_one(self) -> None:
        costs = default_costs().only("transfer")
        assert [name for name in costs.by_name if costs.ns(name)] == ["transfer"]


class TestUsersCosts:
    """a user puts in figures measured on his machine"""

    def test_what_a_file_leaves_out_is_ours(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.toml"
        path.write_text("[access]\ntransfer = 45\n[event.upcall]\nns = 900\nsource = 'mine'\n")
        costs = read_costs(path)
        assert costs.ns("transfer") == 45
        assert costs.by_name["upcall"].certainty == "measured"
        assert costs.ns("hit") == default_costs().ns("hit")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[access]\ntransfer = -1\n", ":2: cost transfer is -1; it must be from 0"),
            ("[access]\ntransfer = nan\n", "it must be from 0"),
            ("[access]\ntransfer = 1e30\n", "it must be from 0"),
            ("[access]\ntransfer = 'much'\n", "a number of nanoseconds"),
            ("[access]\ntransfr = 4\n", ":2: unknown cost in [access] 'transfr'"),
            ("[acces]\ntransfer = 4\n", "unknown table 'acces'"),
            ("[access.hit]\nlow = 4\n", "has no `ns`"),
            ("[access.hit]\nns = 4\nlow = 5\n", "outside its own range"),
            ("[access.hit]\nns = 4\nhihg = 5\n", ":3: unknown key of cost hit 'hihg'"),
            ("[access.hit]\nns = 4\ncertainty = 'sure'\n", "unknown certainty"),
            ("[access\n", "not TOML"),
        ],
    )
    def test_a_wrong_one_is_one_error_with_its_place(
        self, tmp_path: Path, text: str, said: str
    ) -> None:
        path = tmp_path / "bad.toml"
        path.write_text(text)
        with pytest.raises(InputError) as caught:
            read_costs(path)
        assert said in caught.value.message
        assert str(path) in caught.value.message

    def test_a_missing_file_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="No such file"):
            read_costs(tmp_path / "none.toml")

    def test_an_unknown_cost_by_name_has_a_suggestion(self) -> None:
        with pytest.raises(EvtplanError) as caught:
            default_costs().with_ns(hypercal=3.0)
        assert caught.value.hint == "did you mean hypercall?"
