"""A text that breaks the language: one clear error with its line; nothing is executed."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evtplan.engine.checking import check
from evtplan.engine.language import TextError, parse_text, read_text
from evtplan.engine.lowering import lower
from evtplan.errors import EvtplanError, InputError

HEAD = "shared = dict(H=upto(3), E=upto(3)[4], f=bit, L=lock)\nghost = dict(g=upto(3))\n"
EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples" / "protocols").glob("*.py"))


def body(*lines: str) -> str:
    return HEAD + "@process\ndef p(me):\n" + "".join(f"    {line}\n" for line in lines)


def error_of(source: str) -> EvtplanError:
    with pytest.raises(EvtplanError) as caught:
        lower(parse_text(source))
    return caught.value


class TestStatements:
    """file, line, column and what is allowed there"""

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("x = unknown", "unknown name 'unknown'"),
            ("unknown_helper(1)", "unknown name"),
            ("H = G", "unknown name 'G'"),
            ("x = open('/etc/passwd')", "open is unknown: a text is read, never run"),
            ("open('/etc/passwd')", "open is unknown"),
            ("exec('1')", "exec is unknown"),
            ("import os", "import cannot stand here"),
            ("await H == f", "two accesses where one is allowed"),
            ("x = exchange(H, f)", "two accesses where one is allowed"),
            ("cmpxchg(H, E[1], 2)", "two accesses where one is allowed"),
            ("H += 1", "two accesses in one"),
            ("while True: pass", "endless local loop"),
            ("while g: pass", "endless local loop"),
            ("x = lambda: 1", "lambda cannot stand here"),
            ("x = [q for q in range(3)]", "a list comprehension cannot stand here"),
            ("x = f'{H}'", "an f-string cannot stand here"),
            ("x = 'word'", "this constant cannot stand here"),
            ("x = 1.5", "this constant cannot stand here"),
            ("x = 1 // 0", "division by zero"),
            ("x = g // g", "division by what may be zero"),
            ("x = 2 ** 70", "** cannot stand here"),
            ("x = 1 << 90", "a shift by 90"),
            ("x = " + "9" * 40, "beyond 64 bits"),
            ("H = 4", "4 is not within 0 … 3"),
            ("E[4] = 1", "E has no element 4"),
            ("E = 1", "E has 1 indices"),
            ("x = (1, 2)", "a tuple cannot stand here"),
            ("x = (H, 1) < 2", "a tuple is compared with one other tuple"),
            ("x = (H, 1) < (2, 3) < (4, 5)", "a tuple is compared with one other tuple"),
            ("x = (H, 1) < (2,)", "the tuples have other lengths"),
            ("H.link = 1", "H has no fields"),
            ("L = 1", "a lock is taken, not written"),
            ("x = L", "a lock is taken, not read"),
            ("with H: pass", "this is no lock"),
            ("try:\n        pass\n    finally:\n        pass", "try cannot stand here"),
            ("raise f", "raise cannot stand here"),
            ("global H", "global cannot stand here"),
            ("del f", "del cannot stand here"),
            ("yield f", "yield"),
            ("def inner(): pass", "def inside a function cannot stand here"),
            ("class C: pass", "class cannot stand here"),
            ("x: upto(4) = 9", "9 is not within 0 … 4"),
            ("x = 0\n    x += 1", "the type of x cannot be told"),
            ("break", "outside a loop"),
            ("for i in g: pass", "is memory, and no constant"),
            ("for i in range(0, 9, 0): pass", "step of zero"),
            ("for i in range(99999): g = 1", "99999 turns"),
            ("x = choose(q for q in range(3) if H)", "two accesses where one is allowed"),
            ("choose(range(3))", "the chosen value is not used"),
            ("test_and_set(H)", "test_and_set is for one bit"),
            ("test_and_set(g)", "is for shared memory"),
            ("x = set_bit(f)", "set_bit has no value"),
            ("fetch_add(H)", "fetch_add takes 2 arguments"),
            ("emit(H)", "a sentence in quotes"),
            ("assert f, f", "a sentence in quotes"),
            ("x = H is None", "is is no comparison"),
            ("x = H == None", "this constant cannot stand here"),
            ("H", "not used"),
            ("me = 1", "me cannot be assigned"),
            ("H, x = 1", "cannot be assigned"),
            ("x = y = z", "unknown name 'z'"),
            ("return H, 1", "a tuple cannot stand here"),
            ("x.__class__ = 1", "unknown name 'x'"),
            ("().__class__", "not used"),
        ],
    )
    def test_each_is_one_clear_error_at_its_line(self, line: str, said: str) -> None:
        error = error_of(body(line))
        assert said in error.message
        assert isinstance(error, TextError)
        assert error.line is not None
        assert error.line >= 5
        assert error.column is not None


class TestModuleLevel:
    @pytest.mark.parametrize(
        ("source", "said"),
        [
            ("", "a text without processes"),
            ("import os\n", "a protocol text imports nothing"),
            ("from os import path\n", "a protocol text imports nothing"),
            ("def f(:\n", "not Python syntax"),
            ("x = \0\n", "NUL byte"),
            ("print(1)\n", "cannot stand at module level"),
            ("x = open('f')\n@process\ndef p(): pass\n", "open(…) cannot stand in a constant"),
            ("class W:\n    def method(self): pass\n", "cannot stand in a word"),
            ("class W(dict):\n    a: bit\n", "it has no bases"),
            ("class W:\n    pass\n", "has no fields"),
            ("class W:\n    a: bits(60)\n    b: bits(9)\n@process\ndef p(): pass\n", "69 bits"),
            ("x = y\ny = x\n@process\ndef p(): pass\n", "is defined by itself"),
            ("x = 1\nx = 2\n", "declared twice"),
            ("parameters = dict(a=(5, 1, 3))\n", "5 is not within 1 … 3"),
            ("parameters = dict(a=open)\n", "no constant range"),
            ("shared = [1]\n", "must be a dict"),
            ("shared = dict(a=3)\n@process\ndef p(): pass\n", "a number for a type"),
            ("shared = dict(a=bit[10**9])\n@process\ndef p(): pass\n", "cannot stand in a const"),
            ("shared = dict(a=bit[1000000000])\n@process\ndef p(): pass\n", "1000000000 cells"),
            ("x = 1 // 0\n@process\ndef p(): pass\n", "division by zero"),
            ("@process(1000)\ndef p(): pass\n", "1000 processes"),
            ("@procss\ndef p(): pass\n", "unknown mark @procss"),
            ("@process\ndef p(a, b): pass\n", "at most one parameter"),
            ("def f(*a): pass\n", "not plain"),
            ("def f(a=1): pass\n", "not plain"),
            ("async def f(): pass\n", "async def cannot stand at module level"),
            ("@process\ndef p():\n    f()\ndef f():\n    f()\n", "f calls itself"),
            ("@process\ndef p():\n    f()\ndef f():\n    g()\ndef g():\n    f()\n", "calls itself"),
            ("bit = 3\n", "a word of the language"),
            ("@always\ndef a(): pass\n@process\ndef p(): pass\n", "without a verdict"),
            ("x = " + "(" * 5000 + ")" * 5000, "not Python syntax"),
            ("x = " + "-" * 50000 + "1\n@process\ndef p(): pass\n", "nested too deeply"),
            ("@process\ndef p():\n    x = " + "not " * 3000 + "1\n", "nested too deeply"),
        ],
    )
    def test_each_is_one_clear_error(self, source: str, said: str) -> None:
        assert said in error_of(source).message


class TestUnreachedCode:
    """an unknown name is an error also where these parameters never come"""

    @pytest.mark.parametrize(
        "source",
        [
            body("if 0:", "    x = nobody"),
            body("pass") + "def unused():\n    return nobody\n",
            body("pass") + "@process(0)\ndef q():\n    H = nobody\n",
            body("pass") + "@always\ndef a():\n    return True\n    return nobody\n",
        ],
    )
    def test_is_found(self, source: str) -> None:
        assert "nobody" in error_of(source).message


class TestFiles:
    def test_other_encodings(self, tmp_path: Path) -> None:
        file = tmp_path / "latin.py"
        file.write_bytes(b"# comment\nx = 1 # \xe4\n")
        with pytest.raises(TextError, match=r"latin\.py:2:9: byte 0xe4 is not UTF-8"):
            read_text(file)

    def test_a_huge_file(self, tmp_path: Path) -> None:
        file = tmp_path / "huge.py"
        file.write_bytes(b"#" * 10_000_000)
        with pytest.raises(TextError, match="larger than"):
            read_text(file)

    def test_a_directory(self, tmp_path: Path) -> None:
        with pytest.raises(InputError):
            read_text(tmp_path)

    def test_nothing_is_executed(self, tmp_path: Path) -> None:
        witness = tmp_path / "witness"
        for line in (
            f"open({str(witness)!r}, 'w')",
            f"x = __import__('os').system('touch {witness}')",
            f"exec(\"open('{witness}', 'w')\")",
        ):
            for source in (line, body(line), body("pass") + f"def start():\n    {line}\n"):
                error_of(source)
        assert not witness.exists()


class TestEndlessTexts:
    """bad input of any kind … huge … gets one clear error"""

    def test_a_process_of_too_many_accesses(self) -> None:
        error = error_of(body(*["H = 1"] * 3000))
        assert "more than 2500 accesses in one process" in str(error)
        assert f":{4 + 2502}:" in str(error)

    def test_helpers_that_double_at_each_level(self) -> None:
        helpers = "def f0():\n    H = 1\n"
        for level in range(1, 30):
            helpers += f"def f{level}():\n    f{level - 1}()\n    f{level - 1}()\n"
        error = error_of(HEAD + helpers + "@process\ndef p():\n    f29()\n")
        assert "accesses in one process, helpers counted at each call" in str(error)

    def test_as_many_as_are_allowed_are_checked(self) -> None:
        text = parse_text(body(*["H = 1"] * 2400))
        assert check(text).search.states == 2401


class TestFuzz:
    """whatever the text: a system, or an error of ours"""

    @settings(max_examples=120, deadline=None)
    @given(st.data())
    def test_mutated_examples(self, data: st.DataObject) -> None:
        source = data.draw(st.sampled_from([path.read_text() for path in EXAMPLES]))
        lines = source.splitlines()
        words = ["H", "p", "0", "-1", "E[p]", "choose(port)", "L", "while True:", "return", "await"]
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, len(lines) - 1))
            parts = lines[at].split(" ")
            where = data.draw(st.integers(0, len(parts) - 1))
            parts[where] = data.draw(st.sampled_from(words))
            lines[at] = " ".join(parts)
        with suppress(EvtplanError):
            lower(parse_text("\n".join(lines)))

    @settings(max_examples=60, deadline=None)
    @given(st.text(max_size=80))
    def test_any_text(self, source: str) -> None:
        with suppress(EvtplanError):
            lower(parse_text(source))
