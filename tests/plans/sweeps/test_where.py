"""Conditions on rows: exact arithmetic, missing values, and nothing executed."""

import operator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evtplan.errors import EvtplanError
from evtplan.plans.sweeps.columns import column_of
from evtplan.plans.sweeps.where import parse_condition

WHOLE = st.one_of(st.integers(-9, 9), st.integers(-(2**62), 2**62), st.integers(-(10**30), 10**30))
COMPARE = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
ARITHMETIC = {
    "+": operator.add, "-": operator.sub, "*": operator.mul,
    "/": lambda a, b: Fraction(a) / Fraction(b), "//": operator.floordiv, "%": operator.mod,
}  # fmt: skip


def kept(text: str, **columns: list[object]) -> list[bool]:
    made = {name: column_of(name, cells) for name, cells in columns.items()}
    texts = {name: () for name, column in made.items() if column.texts is not None}
    rows = len(next(iter(columns.values())))
    return [bool(x) for x in parse_condition(text, made, texts).holds(made, rows)]


class TestArithmetic:
    @given(
        st.lists(st.tuples(WHOLE, WHOLE, WHOLE), min_size=1, max_size=5),
        st.sampled_from(sorted(COMPARE)),
        st.sampled_from(sorted(ARITHMETIC)),
    )
    def test_is_exact(
        self, rows: list[tuple[int, int, int]], compare: str, arithmetic: str
    ) -> None:
        a, b, c = (list(side) for side in zip(*rows, strict=True))
        found = kept(f"a {arithmetic} b {compare} c", a=a, b=b, c=c)
        for (x, y, z), held in zip(rows, found, strict=True):
            if y == 0 and arithmetic in ("/", "//", "%"):
                assert not held, "a division by zero has no value"
            else:
                assert held == COMPARE[compare](ARITHMETIC[arithmetic](x, y), z)

    def test_decimal_numbers_are_what_they_say(self) -> None:
        assert kept("a / 10 == 0.3", a=[3, 4]) == [True, False]

    def test_comparisons_chain(self) -> None:
        assert kept("1 < a <= 3", a=[1, 2, 3, 4]) == [False, True, True, False]


class TestMissing:
    """A missing value compares with nothing"""

    def test_a_row_without_a_value_is_left_out_either_way(self) -> None:
        assert kept("a < 5", a=[1, None]) == [True, False]
        assert kept("not a < 5", a=[1, None]) == [False, False]

    def test_unless_the_other_side_of_an_or_holds(self) -> None:
        assert kept("a < 5 or b == 1", a=[None, None], b=[1, 2]) == [True, False]

    def test_none_asks_for_it(self) -> None:
        assert kept("a is None", a=[1, None]) == [False, True]
        assert kept("a != None", a=[1, None]) == [True, False]


class TestNames:
    def test_are_compared_with_texts_and_lists(self) -> None:
        abi = ["fifo", "2l-64", "3l-64"]
        assert kept("abi == 'fifo'", abi=abi) == [True, False, False]
        assert kept("abi in ('fifo', '3l-64')", abi=abi) == [True, False, True]
        assert kept("abi not in ['fifo', 'nosuch']", abi=abi) == [False, True, True]


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("a.__class__ == 1", "not allowed"),
            ("[a for a in (1,)] == a", "not allowed"),
            ("(lambda: 1)() == a", "not allowed"),
            ("a ** a == 1", "only + - *"),
            ("open('x')", "unknown column"),
            ("b == 1", "unknown column"),
            ("a", "no comparison"),
            ("a + 1", "no comparison"),
            ("a = 1", "invalid syntax"),
            ("a ==", "invalid syntax"),
            ("", "nothing to compare"),
            ("a == 'x'", "unlike"),
            ("a < None", "neither more nor less"),
            ("a < 1 and a", "neither true nor false"),
            ("a == 1e400", "is out of range"),
            ("a == True", "no number"),
            ("(" * 300 + "a" + ")" * 300, "too many"),
            ("a < 1 " + "and a < 1 " * 1000, "longer than"),
            ("-" * 3000 + "a < 1", ""),
        ],
    )
    def test_is_one_clear_error(self, text: str, said: str) -> None:
        with pytest.raises(EvtplanError) as error:
            parse_condition(text, ("a",))
        assert said in str(error.value)


class TestSlips:
    TEXTS = {"abi": ("fifo", "2l-64")}

    @pytest.mark.parametrize(
        ("text", "message", "hint"),
        [
            ("abi == 'fifi'", "unknown ABI 'fifi'", "did you mean fifo?"),
            ("'2l64' != abi", "unknown ABI '2l64'", "did you mean 2l-64?"),
            ("abi in ('fifo', 'xxl')", "unknown ABI 'xxl'", "known: fifo, 2l-64"),
            ("abi == fifo", "unknown column 'fifo'", "written in quotes: 'fifo'"),
            ("abi == 2l-64", "invalid", "written in quotes: '2l-64'"),
            ("a > 1 && a < 3", "invalid syntax", "write and, or, not"),
        ],
    )
    def test_that_no_row_can_have_are_a_slip(self, text: str, message: str, hint: str) -> None:
        with pytest.raises(EvtplanError) as error:
            parse_condition(text, ("a", "abi"), self.TEXTS)
        assert message in error.value.message
        assert hint in error.value.hint

    def test_of_other_columns_may_be_any(self) -> None:
        parse_condition(
            "abi == 'fifo' and fleet == 'x'", ("abi", "fleet"), {**self.TEXTS, "fleet": ()}
        )
