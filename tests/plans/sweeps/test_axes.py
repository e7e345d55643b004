"""What `--vary` says: ranges, lists, names, and everything that is none."""

import pytest

from evtplan.errors import EvtplanError
from evtplan.plans.sweeps.axes import Axis, parse_axis, point_count


def values(text: str) -> list[int | str]:
    return list(parse_axis(f"k={text}", text, "k", is_text=False).values)


class TestRanges:
    """`--vary events_per_vm=1..4096:x2`, `--vary vms=100..10000:100`"""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("1..4", [1, 2, 3, 4]),
            ("100..350:100", [100, 200, 300]),
            ("1..64:x4", [1, 4, 16, 64]),
            ("3..50:x3", [3, 9, 27]),
            ("7", [7]),
            ("7..7", [7]),
            ("1,2,4", [1, 2, 4]),
            ("1,8..10,32..64:x2", [1, 8, 9, 10, 32, 64]),
            (" 1 , 2 ", [1, 2]),
        ],
    )
    def test_have_the_values_they_say(self, text: str, expected: list[int]) -> None:
        assert values(text) == expected

    def test_a_long_range_is_never_a_list(self) -> None:
        axis = parse_axis("k", "1..1000000000000000", "k", is_text=False)
        assert isinstance(axis.values, range)
        assert len(axis) == 10**15


class TestErrors:
    """an empty range, a zero step, a reversed range"""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "no values"),
            ("5..1", "runs backwards"),
            ("1..5:0", "zero"),
            ("1..5:-1", "goes backwards"),
            ("1..5:x1", "never reaches"),
            ("1..5:x0", "never reaches"),
            ("0..5:x2", "begin at 1"),
            ("1.5", "whole number"),
            ("1e-3", "whole number"),
            ("nan", "whole number"),
            ("1..", "nothing"),
            ("..5", "nothing"),
            ("1...5", "whole number"),
            ("1..5:", "nothing"),
            ("1..5:x", "nothing"),
            ("1,,2", "empty value"),
            ("1,1", "twice"),
            ("٣", "whole number"),
            ("1" + "0" * 30, "10^18"),
            ("1..2000000,5", "million"),
        ],
    )
    def test_each_is_said_by_name(self, text: str, said: str) -> None:
        with pytest.raises(EvtplanError) as error:
            values(text)
        assert said in str(error.value)


class TestPointCount:
    def test_is_every_combination(self) -> None:
        assert point_count((Axis("a", range(3)), Axis("b", (1, 2)))) == 6

    def test_side_by_side_is_as_many_as_each_has(self) -> None:
        assert point_count((Axis("a", range(3)), Axis("b", (1, 2, 5))), zipped=True) == 3

    def test_side_by_side_must_be_equally_many(self) -> None:
        with pytest.raises(EvtplanError, match="a has 3, b has 2"):
            point_count((Axis("a", range(3)), Axis("b", (1, 2))), zipped=True)
