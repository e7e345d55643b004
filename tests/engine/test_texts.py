"""The built-in texts of draft A and the 3-level proposal."""

from pathlib import Path

import pytest

from evtplan.engine.executor import Executor
from evtplan.engine.language import Text, TextError, builtin_texts, parse_text, read_text
from evtplan.engine.lowering import lower
from evtplan.engine.texts.doubts import doubts
from tests.engine.printed_search import printed_search

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "protocols"


class TestDraftA:
    """the published E[H] line and the repaired one told apart"""

    def test_as_published_loses_the_second_event_of_a_single_port(self) -> None:
        found = printed_search(lower(read_text("draft-a"), history=True))
        assert found.broken["no_event_lost"] == 27

    def test_with_e_p_a_single_port_loses_none_and_two_ports_do(self) -> None:
        text = read_text("draft_a_repaired")
        one = printed_search(lower(text, {"ports": 1, "raises": 1}))
        assert one.broken == {}
        assert printed_search(lower(text)).broken["no_event_lost"] == 32

    @pytest.mark.parametrize("maskers", [0, 1])
    def test_with_the_lock_all_holds(self, maskers: int) -> None:
        system = lower(read_text("draft-a-locked"), {"maskers": maskers, "raises": 1}, history=True)
        found = printed_search(system)
        assert found.broken == {}
        assert "an event is appended to a queue that is not empty" in found.shown

    @pytest.mark.parametrize(
        ("repaired", "states", "spin"), [(0, 1433, 2579), (1, 1111, 1993), (2, 681, 1131)]
    )
    def test_is_the_reference_model(self, repaired: int, states: int, spin: int) -> None:
        row = {"ports": 2, "raises": 1, "raisers": 2, "maskers": 0, "repaired": repaired}
        found = printed_search(lower(read_text("draft-a"), row))
        assert (found.states, found.edges + 1 + found.at_rest) == (states, spin)


class TestThreeLevel:
    @pytest.mark.parametrize("maskers", [0, 1])
    def test_loses_no_event(self, maskers: int) -> None:
        found = printed_search(lower(read_text("three-level"), {"maskers": maskers}))
        assert found.broken == {}
        assert "an event is handled" in found.shown


class TestEveryText:
    @pytest.mark.parametrize("name", builtin_texts())
    def test_is_read_and_lowered(self, name: str) -> None:
        system = lower(read_text(name.replace("-", "_")), history=True)
        assert system.kinds


class TestExamples:
    """texts as somebody writes them from the documentation alone"""

    @pytest.mark.parametrize(
        ("name", "parameters", "states", "broken"),
        [
            ("peterson", {}, 174, {}),
            ("treiber", {}, 6865, {"exclusive": 21, "nothing_is_lost": 31}),
            ("treiber", {"counted": 1}, 6696, {}),
            ("ring", {}, 73, {}),
            ("ring", {"slots": 1}, 45, {}),
            ("store_buffering", {}, 13, {}),
        ],
    )
    def test_are_judged_right(
        self, name: str, parameters: dict[str, int], states: int, broken: dict[str, int]
    ) -> None:
        found = printed_search(lower(read_text(EXAMPLES / f"{name}.py"), parameters))
        assert found.states == states
        assert found.broken == broken
        assert found.shown

    def test_the_page_shows_one_of_them_whole(self) -> None:
        page = (EXAMPLES.parents[1] / "docs" / "protocol-language.md").read_text()
        assert (EXAMPLES / "peterson.py").read_text() in page


class TestMeaning:
    """what a line means, by its outcome"""

    @pytest.mark.parametrize(
        ("lines", "outcome"),
        [
            (["x = a", "b = 1 if x and x > 2 else 2"], {"b": 1}),
            (["b = a and 2"], {"b": 1}),
            (["b = not a"], {"b": 0}),
            (["if a == 3 or E[9 - 9]:", "    b = 3"], {"b": 3}),
            (["b, a = a, 2"], {"a": 2, "b": 3}),
            (["a = b = 1"], {"a": 1, "b": 1}),
            (["for i in range(3, 0, -1):", "    E[i] = i"], {"E": (0, 1, 2, 3)}),
            (
                ["for i in span(1, 3):", "    if i == 2: continue", "    E[i] = i"],
                {"E": (0, 1, 0, 3)},
            ),
            (["for i in range(4):", "    if i == 2: break", "    E[i] = 1"], {"E": (1, 1, 0, 0)}),
            (["b = helper(2)"], {"b": 3, "lk": 0}),
            (["b = helper(0)"], {"b": 2, "lk": 0}),
            (["m = bitmap", "m[2] = 0", "b = lowest(m)", "bitmap = m"], {"b": 0, "bitmap": 1}),
            (["bitmap[1] = 1"], {"bitmap": 7}),
            (["fetch_add(bitmap, 4)"], {"bitmap": 1}),
            (["b = fetch_or(bitmap, 2) - 2"], {"b": 3, "bitmap": 7}),
            (["b = cmpxchg(a, 3, 1)"], {"a": 1, "b": 3}),
            (["b = cmpxchg(a, 2, 1)"], {"a": 3, "b": 3}),
            (["W.low = 2", "w = W", "w.high = 1", "W = w"], {"W": 6}),
            (["b = sum(i for i in range(3) if i != 1)"], {"b": 2}),
            (["x = a", "b = any(x == i for i in range(4))"], {"b": 1}),
            (["M[1][2] = 1"], {"M": (0, 0, 0, 0, 0, 1)}),
            (["await a == 3", "b = 1"], {"b": 1}),
            (["await 1 <= a < 4", "b = 1"], {"b": 1}),
            (["b = min(a, 2, 3) + max(0, 1)"], {"b": 3}),
            (["while a > 1:", "    a = a - 1", "else:", "    b = 2"], {"a": 1, "b": 2}),
        ],
    )
    def test_of_each_line(self, lines: list[str], outcome: dict[str, object]) -> None:
        source = (
            "class Pair:\n    low: bits(2)\n    high: bits(2)\n"
            "shared = dict(a=upto(3), b=upto(7), E=upto(3)[4], bitmap=bits(3), lk=lock,\n"
            "    M=bit[2][3], W=Pair)\n"
            "def start():\n    a = 3\n    bitmap = 5\n"
            "def helper(n):\n    with lk:\n        for i in range(2):\n"
            "            if n == 2:\n                return a\n    return 2\n"
            "@process\ndef p():\n" + "".join(f"    {line}\n" for line in lines)
        )
        executor = Executor(lower(parse_text(source)))
        for _ in range(100):
            if executor.is_at_rest:
                break
            executor.step(executor.enabled()[0])
        assert executor.broken_now() == ()
        for name, value in outcome.items():
            variable = next(v for v in executor.system.variables if v.name == name)
            cells = executor.memory.cells[variable.base : variable.base + variable.cells]
            assert (tuple(cells) if variable.dims else cells[0]) == value, name


class TestNamesThatNothingReads:
    """an unknown name … a clear error with its line"""

    HEAD = "shared = dict(head=upto(3), E=upto(3)[4])\nghost = dict(inside=upto(2))\n"

    def _text(self, *lines: str) -> Text:
        return parse_text(self.HEAD + "@process\ndef p():\n" + "".join(f"    {x}\n" for x in lines))

    @pytest.mark.parametrize("line", ["hed = 1", "inside_ = 1", "heads: upto(3) = 2"])
    def test_a_store_to_a_misspelt_place_is_an_error(self, line: str) -> None:
        with pytest.raises(TextError) as caught:
            self._text("head = 0", line)
        assert "unknown name" in str(caught.value)
        assert "did you mean" in caught.value.hint
        assert ":6:5:" in str(caught.value)

    def test_where_the_value_makes_an_access_it_is_a_note(self) -> None:
        assert doubts(self._text("hed = E[1]")) == (
            "line 5: nothing reads the local hed; did you mean head?",
        )

    def test_a_local_of_no_use_is_a_note(self) -> None:
        assert doubts(self._text("n = 1", "head = 2")) == ("line 5: nothing reads the local n",)

    @pytest.mark.parametrize(
        "lines",
        [["hed = E[1]", "head = hed"], ["_hed = 1"], ["x = E[1]"], ["x = exchange(head, 1)"]],
    )
    def test_no_other_is(self, lines: list[str]) -> None:
        assert doubts(self._text(*lines)) == ()

    def test_a_parameter_that_does_nothing_is(self) -> None:
        text = parse_text(
            "parameters = dict(n=(1, 0, 2))\n" + self.HEAD + "@process\ndef p(): head = 1\n"
        )
        assert doubts(text) == ("the text never uses its parameter n",)

    @pytest.mark.parametrize("name", [*builtin_texts(), *map(str, sorted(EXAMPLES.glob("*.py")))])
    def test_the_texts_of_the_project_have_none(self, name: str) -> None:
        assert doubts(read_text(name)) == ()


class TestWordsAndTuples:
    def _final(self, *lines: str) -> dict[str, int]:
        head = "class W:\n    a: bit\n    n: upto(3)\n"
        head += "shared = dict(w=W, x=upto(3), y=upto(3), r=bit[12])\n"
        source = head + "@process\ndef p():\n" + "".join(f"    {line}\n" for line in lines)
        executor = Executor(lower(parse_text(source)))
        changed: dict[str, int] = {}
        while not executor.is_at_rest:
            for change in executor.step(executor.enabled()[0]).changes:
                changed[change.place] = change.after
        return changed

    def test_a_word_made_afresh_has_the_other_fields_zero(self) -> None:
        assert self._final("w = W(a=1, n=3)", "w = W(n=2)") == {"w.a": 0, "w.n": 2}

    def test_tuples_are_compared_in_turn(self) -> None:
        pairs = [(x, y) for x in range(3) for y in range(3)]
        for a, b in pairs:
            lines = ["k = y", f"x = {a}", f"y = {b}", "m = x", "n = y"]
            for number, op in enumerate(("<", "<=", ">", ">=", "==", "!=")):
                lines.append(f"r[{number}] = (m, n) {op} (1, 1)")
                lines.append(f"r[{number + 6}] = (x, n) {op} (1, y) and k == 0")
            found = self._final(*lines)
            left, right = (a, b), (1, 1)
            whole = [left < right, left <= right, left > right, left >= right]
            whole += [left == right, left != right]
            right = (1, b)
            whole += [left < right, left <= right, left > right, left >= right]
            whole += [left == right, left != right]
            assert [found.get(f"r[{at}]", 0) for at in range(12)] == [int(item) for item in whole]
