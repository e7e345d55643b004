"""The syntax of xl.cfg: keys, numbers, strings, lists; no meaning.

Statements are `key = value` or `key += value`, ended by a newline or `;`. Keys are lower case.
Numbers are decimal or hexadecimal, never negative. Strings stand in single or double quotes, on
one line, with backslash escapes. Lists may span lines, hold comments, and end in a comma.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from evtplan.errors import InputError

__all__ = ["Setting", "Text", "Value", "parse"]

# Lists nest in vnuma and vsnd two deep; anything far beyond that is not a configuration.
_DEEPEST = 16
# Event channel ports of a domain under any ABI: no guest can use more devices than these.
_LONGEST_LIST = 131_071

_XM_HINT = (
    "this looks like a Python file for the old xm tool, which xl cannot read: write plain "
    "key = value settings instead"
)
_WORDS = "def import from if elif else for while try except class return print assert with"
_PYTHON = frozenset(_WORDS.split())


@dataclass(frozen=True, slots=True)
class Text:
    """A number or string as it stands, and where; `quoted` tells the two apart."""

    text: str
    line: int
    quoted: bool


Value = Text | tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """The value of a key, and the line the key stands on."""

    value: Value
    line: int


# Possessive quantifiers: a string of any length is matched without a way back for each character.
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f\v\ufeff]+)
      | (?P<comment>\#[^\n]*)
      | (?P<newline>\n)
      | (?P<string>"(?:[^"\\\n]++|\\.)*+"|'(?:[^'\\\n]++|\\.)*+')
      | (?P<number>[0-9][0-9a-fA-Fx]*)
      | (?P<key>[a-z][._0-9a-z]*)
      | (?P<mark>\+=|[=;,\[\]])""",
    re.VERBOSE,
)

# kind, text, line, position in the text
_Token = tuple[str, str, int, int]


def _tokens(path: str, text: str) -> Iterator[_Token]:
    position, line, end = 0, 1, len(text)
    match = _TOKEN.match
    while position < end:
        found = match(text, position)
        if found is None:
            why, hint = _why(text, position)
            raise InputError(path, why, line=line, column=_column(text, position), hint=hint)
        kind = found.lastgroup or ""
        if kind != "space" and kind != "comment":
            yield kind, found.group(), line, position
        position = found.end()
        if kind == "newline":
            line += 1
    yield "end", "", line, position


def _column(text: str, position: int) -> int:
    return position - (text.rfind("\n", 0, position) + 1) + 1


def _why(text: str, position: int) -> tuple[str, str]:
    """Why no token starts at `position`, and a hint."""
    character = text[position]
    if character in "\"'":
        return "a string that does not end on its line", ""
    if character == "\\":
        return "a backslash outside a string: xl.cfg has no line continuation", _XM_HINT
    if character in "%+({":
        return f"{character!r} cannot stand here: values are not computed", _XM_HINT
    if character.isupper():
        return f"{character!r}: keys are lower case, and every other word is quoted", ""
    if character == "-":
        return "'-' cannot stand here: numbers are never negative, words are quoted", ""
    if not character.isprintable():
        return f"the character U+{ord(character):04X} cannot stand here", ""
    return f"{character!r} cannot stand here", ""


class _Parser:
    """Recursive descent over the tokens of one file."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.source = text
        self.stream = _tokens(path, text)
        self.kind, self.text, self.line, self.position = next(self.stream)

    def advance(self) -> None:
        token = next(self.stream, None)
        if token is not None:
            self.kind, self.text, self.line, self.position = token

    def fail(self, expected: str, hint: str = "") -> InputError:
        found = {"newline": "the end of the line", "end": "the end of the file"}.get(
            self.kind, repr(self.text[:40])
        )
        column = _column(self.source, self.position)
        reason = f"expected {expected}, found {found}"
        return InputError(self.path, reason, line=self.line, column=column, hint=hint)

    def at(self, mark: str) -> bool:
        return self.kind == "mark" and self.text == mark

    def skip_newlines(self) -> None:
        while self.kind == "newline":
            self.advance()

    def settings(self) -> dict[str, Setting]:
        found: dict[str, Setting] = {}
        while True:
            while self.kind == "newline" or self.at(";"):
                self.advance()
            if self.kind == "end":
                return found
            self.statement(found)

    def statement(self, found: dict[str, Setting]) -> None:
        if self.kind != "key":
            raise self.fail("a key")
        key, line = self.text, self.line
        self.advance()
        if not (self.at("=") or self.at("+=")):
            raise self.fail(f"= after {key[:40]}", _XM_HINT if key in _PYTHON else "")
        adds = self.at("+=")
        self.advance()
        value = self.value(0)
        if adds and key in found:
            value = _joined(found[key].value, value)
        found[key] = Setting(value, line)
        if self.kind not in ("newline", "end") and not self.at(";"):
            raise self.fail("the end of the line or ;")

    def value(self, depth: int) -> Value:
        if self.kind == "number":
            return self.take(Text(self.text, self.line, False))
        if self.kind == "string":
            return self.take(Text(_unquoted(self.text), self.line, True))
        if self.at("["):
            return self.items(depth + 1)
        word = self.text if self.kind == "key" else ""
        hint = f"quote it: '{word[:40]}'" if word and word not in _PYTHON else ""
        raise self.fail("a number, a quoted string or a list", hint)

    def take(self, text: Text) -> Text:
        self.advance()
        return text

    def items(self, depth: int) -> Value:
        if depth > _DEEPEST:
            raise self.fail(f"lists nested at most {_DEEPEST} deep")
        self.advance()
        found: list[Value] = []
        while True:
            self.skip_newlines()
            if self.at("]"):
                self.advance()
                return tuple(found)
            if len(found) == _LONGEST_LIST:
                raise InputError(
                    self.path,
                    f"a list of more than {_LONGEST_LIST} entries: no guest has that many event "
                    "channels",
                    line=self.line,
                )
            found.append(self.value(depth))
            self.skip_newlines()
            if self.at(","):
                self.advance()
            elif not self.at("]"):
                raise self.fail(", or ]")


def _joined(first: Value, second: Value) -> Value:
    if isinstance(first, Text) and isinstance(second, Text):
        return Text(first.text + second.text, second.line, True)
    left = first if isinstance(first, tuple) else (first,)
    right = second if isinstance(second, tuple) else (second,)
    return left + right


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)")


def _unquoted(text: str) -> str:
    inner = text[1:-1]
    return _ESCAPE.sub(_escaped, inner) if "\\" in inner else inner


def _escaped(found: re.Match[str]) -> str:
    code = found.group(1)
    if code[0] == "x" and len(code) > 1:
        return chr(int(code[1:], 16))
    if code[0] in "01234567":
        return chr(int(code, 8) & 0xFF)
    return _ESCAPES.get(code, code)


def parse(path: str, text: str) -> dict[str, Setting]:
    """The settings of one xl.cfg `text` by key; of a key set twice, the last.

    Raises `InputError` with line and column for what is no xl.cfg.
    """
    return _Parser(path, text).settings()
