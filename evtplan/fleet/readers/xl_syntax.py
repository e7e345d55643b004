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

# Lists nest in vnuma two deep; anything far beyond that is not a configuration.
_DEEPEST = 16


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


_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f\v\ufeff]+)
      | (?P<comment>\#[^\n]*)
      | (?P<newline>\n)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<number>[0-9][0-9a-fA-Fx]*)
      | (?P<key>[a-z][._0-9a-z]*)
      | (?P<mark>\+=|[=;,\[\]])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int
    column: int


def _tokens(path: str, text: str) -> Iterator[_Token]:
    position, line, line_start = 0, 1, 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            column = position - line_start + 1
            raise InputError(path, _why(text, position), line=line, column=column)
        kind = found.lastgroup or ""
        if kind not in ("space", "comment"):
            yield _Token(kind, found.group(), line, position - line_start + 1)
        position = found.end()
        if kind == "newline":
            line, line_start = line + 1, position
    yield _Token("end", "", line, position - line_start + 1)


def _why(text: str, position: int) -> str:
    character = text[position]
    if character in "\"'":
        return "a string that does not end on its line"
    if character == "\\":
        return "a backslash outside a string: xl.cfg has no line continuation"
    if character.isupper():
        return f"{character!r}: keys are lower case"
    if not character.isprintable():
        return f"the character U+{ord(character):04X} cannot stand here"
    return f"{character!r} cannot stand here"


class _Parser:
    """Recursive descent over the tokens of one file."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.stream = _tokens(path, text)
        self.token = next(self.stream)

    def advance(self) -> _Token:
        token = self.token
        self.token = next(self.stream, token)
        return token

    def fail(self, expected: str) -> InputError:
        found = {"newline": "the end of the line", "end": "the end of the file"}.get(
            self.token.kind, repr(self.token.text[:40])
        )
        return InputError(
            self.path,
            f"expected {expected}, found {found}",
            line=self.token.line,
            column=self.token.column,
        )

    def skip_newlines(self) -> None:
        while self.token.kind == "newline":
            self.advance()

    def settings(self) -> dict[str, Setting]:
        found: dict[str, Setting] = {}
        while True:
            while self.token.kind == "newline" or self.token.text == ";":
                self.advance()
            if self.token.kind == "end":
                return found
            self.statement(found)

    def statement(self, found: dict[str, Setting]) -> None:
        if self.token.kind != "key":
            raise self.fail("a key")
        key = self.advance()
        if self.token.text not in ("=", "+="):
            raise self.fail(f"= after {key.text}")
        adds = self.advance().text == "+="
        value = self.value(0)
        if adds and key.text in found:
            value = _joined(found[key.text].value, value)
        found[key.text] = Setting(value, key.line)
        if self.token.kind not in ("newline", "end") and self.token.text != ";":
            raise self.fail("the end of the line or ;")

    def value(self, depth: int) -> Value:
        token = self.token
        if token.kind == "number":
            self.advance()
            return Text(token.text, token.line, False)
        if token.kind == "string":
            self.advance()
            return Text(_unquoted(token.text), token.line, True)
        if token.text == "[":
            return self.items(depth + 1)
        raise self.fail("a number, a quoted string or a list")

    def items(self, depth: int) -> Value:
        if depth > _DEEPEST:
            raise self.fail(f"lists nested at most {_DEEPEST} deep")
        self.advance()
        found: list[Value] = []
        while True:
            self.skip_newlines()
            if self.token.text == "]" and self.token.kind == "mark":
                self.advance()
                return tuple(found)
            found.append(self.value(depth))
            self.skip_newlines()
            if self.token.text == "," and self.token.kind == "mark":
                self.advance()
            elif self.token.text != "]":
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
    return _ESCAPE.sub(_escaped, text[1:-1])


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
