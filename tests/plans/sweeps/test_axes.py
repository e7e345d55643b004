"""What `--vary` says: ranges, lists, names, and everything that is none."""

import pytest

from evtplan.errors import EvtplanError
from evtplan.plans.sweeps.axes import Axis, parse_axis, point_count, split_setting


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


class TestRepeats:
    def test_are_for_values_side_by_side(self) -> None:
        assert parse_axis("k", "1,1,2", "k", is_text=False, repeats=True).values == (1, 1, 2)
        assert parse_axis("k", "a,a", "k", is_text=True, repeats=True).values == ("a", "a")
        with pytest.raises(EvtplanError, match="a is there twice"):
            parse_axis("k", "a,a", "k", is_text=True)


class TestSettings:
    """quoting of names"""

    @pytest.mark.parametrize(
        ("text", "key", "values"),
        [
            ("events-per-vm=1..4", "events_per_vm", "1..4"),
            ('guest."a=b".vcpus=1,2', 'guest."a=b".vcpus', "1,2"),
            ("guest.'web 1'.vcpus = 3", "guest.'web 1'.vcpus", "3"),
        ],
    )
    def test_are_taken_apart_at_the_equals_sign(self, text: str, key: str, values: str) -> None:
        assert split_setting(text, "--vary") == (key, values)

    @pytest.mark.parametrize("text", ["", "k", "=3", "=", " =3"])
    def test_need_a_key(self, text: str) -> None:
        with pytest.raises(EvtplanError, match="KEY=VALUES"):
            split_setting(text, "--vary")


class TestEnds:
    def test_of_a_range_are_known_at_once(self) -> None:
        axis = Axis("a", range(3, 10**15, 7))
        assert (axis.least, axis.most) == (3, axis.values[-1])
        assert (Axis("a", (5, 2, 9)).least, Axis("a", (5, 2, 9)).most) == (2, 9)


class TestPointCount:
    def test_is_every_combination(self) -> None:
        assert point_count((Axis("a", range(3)), Axis("b", (1, 2)))) == 6

    def test_side_by_side_is_as_many_as_each_has(self) -> None:
        assert point_count((Axis("a", range(3)), Axis("b", (1, 2, 5))), zipped=True) == 3

    def test_side_by_side_must_be_equally_many(self) -> None:
        with pytest.raises(EvtplanError, match="a has 3, b has 2"):
            point_count((Axis("a", range(3)), Axis("b", (1, 2))), zipped=True)
