"""Protocol texts: reading one, and what its module level declares.

A text is Python by its syntax only. It is parsed with `ast` and never imported, compiled or run,
so that a stranger's text is safe to check. docs/protocol-language.md defines the language.
"""

import ast
import builtins
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evtplan.engine.system import PropertyKind, VariableKind
from evtplan.engine.texts.words import RESERVED, describe
from evtplan.errors import InputError, UnknownNameError

__all__ = [
    "Declared",
    "DeclaredProcess",
    "DeclaredProperty",
    "Parameter",
    "Text",
    "TextError",
    "builtin_texts",
    "fault",
    "parse_text",
    "read_text",
]

MOST_BYTES = 1_000_000  # a text is written by a person; more than this is some other file

_GROUPS = {
    "shared": VariableKind.SHARED,
    "xen": VariableKind.SHARED,
    "guest": VariableKind.SHARED,
    "ghost": VariableKind.GHOST,
    "history": VariableKind.HISTORY,
}
_FLAGS = ("comes_to_rest", "no_deadlock")
_PROPERTIES = {
    "always": PropertyKind.ALWAYS,
    "at_rest": PropertyKind.AT_REST,
    "sometimes": PropertyKind.SOMETIMES,
}
_MODULE_LEVEL = (
    "a docstring, parameters/shared/xen/guest/ghost/history = dict(…), NAME = expression, "
    "class Word with fields, def"
)


class TextError(InputError):
    """A text that says something the language does not have; the hint says what may stand there."""


def fault(path: str, node: ast.AST | None, reason: str, allowed: str = "") -> TextError:
    """The error for what stands at `node` in the text at `path`; `allowed` becomes the hint."""
    line = getattr(node, "lineno", None)
    column = getattr(node, "col_offset", None)
    return TextError(
        path,
        reason,
        line=line,
        column=None if column is None else column + 1,
        hint=allowed,
    )


def unknown_name(path: str, node: ast.AST, name: str, known: Iterable[str]) -> TextError:
    """The error for a name that nothing in sight has."""
    if name in dir(builtins) or name == "os":
        return fault(path, node, f"{name} is unknown: a text is read, never run", _IN_FUNCTIONS)
    hint = UnknownNameError("name", name, sorted(set(known))).hint
    return fault(path, node, f"unknown name {name!r}", hint)


_IN_FUNCTIONS = "memory, locals, constants, helpers of the text, and the words of the language"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A constant of the text that whoever checks it may set: its default, and its range."""

    name: str
    default: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Declared:
    """A variable as declared: `expression` is its type; `group` says whose memory it is."""

    name: str
    kind: VariableKind
    group: str
    expression: ast.expr


@dataclass(frozen=True, slots=True)
class DeclaredProcess:
    """A function marked `@process(count, waits=…)`; the expressions may use parameters."""

    function: ast.FunctionDef
    count: ast.expr | None
    waits: ast.expr | None


@dataclass(frozen=True, slots=True)
class DeclaredProperty:
    """A function marked `@always`, `@at_rest` or `@sometimes`."""

    function: ast.FunctionDef
    kind: PropertyKind
    sentence: str


@dataclass(frozen=True, slots=True)
class Text:
    """A protocol text, parsed; its expressions are evaluated when it is lowered for parameters."""

    name: str
    path: str
    source: tuple[str, ...]
    docstring: str
    parameters: Mapping[str, Parameter]
    definitions: Mapping[str, ast.expr]
    words: Mapping[str, ast.ClassDef]
    variables: Mapping[str, Declared]
    functions: Mapping[str, ast.FunctionDef]
    processes: tuple[DeclaredProcess, ...]
    properties: tuple[DeclaredProperty, ...]
    flags: Mapping[str, ast.expr] = field(default_factory=dict)
    start: ast.FunctionDef | None = None
    preset: Mapping[str, int] = field(default_factory=dict)


# ---- reading ---------------------------------------------------------------------------------

_TEXTS = Path(__file__).resolve().parent.parent / "protocols"

# name -> (file, parameters that the name sets)
_VARIANTS: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "draft-a-repaired": ("draft-a", {"repaired": 1, "ports": 2, "raises": 1}),
    "draft-a-locked": ("draft-a", {"repaired": 2, "ports": 2}),
}


def builtin_texts() -> dict[str, Path]:
    """Every built-in text by name (`draft-a`, `history/…`), in order of names."""
    files = [path for path in sorted(_TEXTS.rglob("*.py")) if path.name != "__init__.py"]
    found = {
        path.relative_to(_TEXTS).with_suffix("").as_posix().replace("_", "-"): path
        for path in files
    }
    for name, (base, _) in _VARIANTS.items():
        if base in found:
            found[name] = found[base]
    return dict(sorted(found.items()))


def read_text(path_or_name: str | Path) -> Text:
    """The text in a file, or the built-in one of that name (`_` and `-` are the same).

    Raises `TextError` for a text that breaks the language, `InputError` for a file that cannot be
    read, `UnknownNameError` for what is neither a file nor a built-in name.
    """
    given = str(path_or_name)
    path = Path(given)
    looks_like_a_file = path.suffix == ".py" or path.exists()
    name = given.replace("_", "-")
    texts = builtin_texts()
    if name in texts and not path.is_file():
        preset = _VARIANTS[name][1] if name in _VARIANTS else {}
        return _read(texts[name], name, preset)
    if not looks_like_a_file:
        raise UnknownNameError("protocol", given, texts)
    return _read(path, path.stem, {})


def _read(path: Path, name: str, preset: Mapping[str, int]) -> Text:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(path, error.strerror or str(error)) from error
    if len(data) > MOST_BYTES:
        raise TextError(path, f"larger than {MOST_BYTES} bytes: this is no protocol text")
    try:
        source = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - before.rfind(b"\n")
        raise TextError(
            path, f"byte 0x{data[error.start]:02x} is not UTF-8", line=line, column=column
        ) from error
    return parse_text(source, name=name, path=str(path), preset=preset)


def parse_text(
    source: str,
    *,
    name: str = "text",
    path: str = "<text>",
    preset: Mapping[str, int] | None = None,
) -> Text:
    """The text in `source`, its names and syntax checked. Raises `TextError`; runs nothing."""
    from evtplan.engine.texts.checks import check_functions
    from evtplan.engine.texts.doubts import refuse_misspelt

    if "\0" in source:
        line = source.count("\n", 0, source.index("\0")) + 1
        raise TextError(path, "a NUL byte", line=line, hint="a protocol text is plain UTF-8")
    try:
        tree = ast.parse(source, filename=path)
        text = _Reader(path, name, source, preset or {}).read(tree)
        check_functions(text)
        refuse_misspelt(text)
        return text
    except SyntaxError as error:
        raise TextError(
            path,
            f"not Python syntax: {error.msg}",
            line=error.lineno,
            column=error.offset,
            hint=_syntax_hint(error.text or ""),
        ) from error
    except (RecursionError, MemoryError) as error:
        raise TextError(path, "nested too deeply", hint="split the expression") from error
    except ValueError as error:
        raise TextError(path, f"not Python syntax: {error}") from error


def _syntax_hint(line: str) -> str:
    """What to write instead of a line that Python's grammar refuses; empty where unknown."""
    if re.match(r"\s*await\s+not\b", line):
        return "write await (not …), or await … == 0: Python wants parentheses there"
    return ""


# ---- the module level ------------------------------------------------------------------------


class _Reader:
    """Sorts the statements of the module level into what they declare."""

    def __init__(self, path: str, name: str, source: str, preset: Mapping[str, int]) -> None:
        self.path = path
        self.name = name
        self.source = source
        self.preset = preset
        self.parameters: dict[str, Parameter] = {}
        self.definitions: dict[str, ast.expr] = {}
        self.words: dict[str, ast.ClassDef] = {}
        self.variables: dict[str, Declared] = {}
        self.functions: dict[str, ast.FunctionDef] = {}
        self.processes: list[DeclaredProcess] = []
        self.properties: list[DeclaredProperty] = []
        self.flags: dict[str, ast.expr] = {}
        self.start: ast.FunctionDef | None = None
        self.seen: dict[str, int] = {}

    def read(self, tree: ast.Module) -> Text:
        body = list(tree.body)
        docstring = ast.get_docstring(tree) or ""
        if docstring:
            body = body[1:]
        for statement in body:
            self._statement(statement)
        return Text(
            name=self.name,
            path=self.path,
            source=tuple(self.source.splitlines()),
            docstring=docstring,
            parameters=self.parameters,
            definitions=self.definitions,
            words=self.words,
            variables=self.variables,
            functions=self.functions,
            processes=tuple(self.processes),
            properties=tuple(self.properties),
            flags=self.flags,
            start=self.start,
            preset=self.preset,
        )

    def _fail(self, node: ast.AST, reason: str, allowed: str = _MODULE_LEVEL) -> TextError:
        return fault(self.path, node, reason, allowed)

    def _declare(self, name: str, node: ast.AST) -> None:
        if name in self.seen:
            raise self._fail(node, f"{name} is declared twice, first in line {self.seen[name]}")
        if name in RESERVED:
            raise self._fail(node, f"{name} is a word of the language", "choose another name")
        self.seen[name] = getattr(node, "lineno", 0)

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if not isinstance(target, ast.Name):
                raise self._fail(target, "only plain names are assigned at module level")
            self._assignment(target, node.value)
        elif isinstance(node, ast.ClassDef):
            self._word(node)
        elif isinstance(node, ast.FunctionDef):
            self._function(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            raise self._fail(node, "a protocol text imports nothing")
        elif not isinstance(node, ast.Pass):
            raise self._fail(node, f"{describe(node)} cannot stand at module level")

    def _assignment(self, target: ast.Name, value: ast.expr) -> None:
        name = target.id
        if name == "parameters":
            for key, expression in self._items(name, value):
                self._declare(key, expression)
                self.parameters[key] = self._parameter(key, expression)
        elif name in _GROUPS:
            for key, expression in self._items(name, value):
                # A variable may be called as a type is (lock=lock): in code the name is the place.
                if key in self.variables or key in self.parameters or key in self.functions:
                    raise self._fail(expression, f"{key} is declared twice")
                self.variables[key] = Declared(key, _GROUPS[name], name, expression)
        elif name in _FLAGS:
            self.flags[name] = value
        else:
            self._declare(name, target)
            self.definitions[name] = value

    def _items(self, group: str, value: ast.expr) -> list[tuple[str, ast.expr]]:
        allowed = f"{group} = dict(name=…, name=…)"
        if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Name)):
            raise self._fail(value, f"{group} must be a dict(…)", allowed)
        if value.func.id != "dict" or value.args or any(k.arg is None for k in value.keywords):
            raise self._fail(value, f"{group} must be a dict(…) of names", allowed)
        return [(str(keyword.arg), keyword.value) for keyword in value.keywords]

    def _parameter(self, name: str, value: ast.expr) -> Parameter:
        allowed = f"{name}=(default, least, most), three whole numbers"
        try:
            numbers = ast.literal_eval(value)
        except (ValueError, TypeError, SyntaxError) as error:
            raise self._fail(value, f"{name} has no constant range", allowed) from error
        if isinstance(numbers, int) and not isinstance(numbers, bool):
            numbers = (numbers, numbers, numbers)
        if (
            not isinstance(numbers, tuple)
            or len(numbers) != 3
            or not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers)
        ):
            raise self._fail(value, f"{name} has no (default, least, most)", allowed)
        default, least, most = numbers
        if not least <= default <= most:
            raise self._fail(value, f"{name}: {default} is not within {least} … {most}", allowed)
        return Parameter(name, default, least, most)

    def _word(self, node: ast.ClassDef) -> None:
        allowed = "class Word: then lines `field: type`"
        if node.bases or node.keywords or node.decorator_list:
            raise self._fail(node, f"class {node.name} is a word: it has no bases", allowed)
        self._declare(node.name, node)
        names: set[str] = set()
        for item in node.body:
            if _is_docstring(item) or isinstance(item, ast.Pass):
                continue
            if not (isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)):
                raise self._fail(item, f"{describe(item)} cannot stand in a word", allowed)
            if item.value is not None:
                raise self._fail(item, "a field has no initial value; use start()", allowed)
            if item.target.id in names:
                raise self._fail(item, f"the field {item.target.id} is declared twice", allowed)
            names.add(item.target.id)
        if not names:
            raise self._fail(node, f"the word {node.name} has no fields", allowed)
        self.words[node.name] = node

    def _function(self, node: ast.FunctionDef) -> None:
        self._signature(node)
        if not node.decorator_list:
            if node.name == "start":
                self.start = node
            else:
                self._declare(node.name, node)
                self.functions[node.name] = node
            return
        self._declare(node.name, node)
        if len(node.decorator_list) > 1:
            raise self._fail(node.decorator_list[1], f"{node.name} is marked twice", _MARKS)
        mark = node.decorator_list[0]
        call = mark if isinstance(mark, ast.Call) else None
        name = call.func if call else mark
        if not isinstance(name, ast.Name):
            raise self._fail(mark, "an unknown mark", _MARKS)
        if name.id == "process":
            self.processes.append(self._process(node, call))
        elif name.id in _PROPERTIES and (call is None or not (call.args or call.keywords)):
            if node.args.args:
                raise self._fail(node, f"the property {node.name} has no parameters", _MARKS)
            sentence = " ".join((ast.get_docstring(node) or node.name.replace("_", " ")).split())
            self.properties.append(DeclaredProperty(node, _PROPERTIES[name.id], sentence))
        else:
            raise self._fail(mark, f"unknown mark @{name.id}", _MARKS)

    def _process(self, node: ast.FunctionDef, call: ast.Call | None) -> DeclaredProcess:
        count: ast.expr | None = None
        waits: ast.expr | None = None
        if len(node.args.args) > 1:
            raise self._fail(node, "a process has at most one parameter, its number", _MARKS)
        if call is not None:
            if len(call.args) > 1:
                raise self._fail(call, "@process has one count", _MARKS)
            count = call.args[0] if call.args else None
            for keyword in call.keywords:
                if keyword.arg == "waits":
                    waits = keyword.value
                elif keyword.arg == "count" and count is None:
                    count = keyword.value
                else:
                    raise self._fail(call, f"@process has no {keyword.arg}", _MARKS)
        return DeclaredProcess(node, count, waits)

    def _signature(self, node: ast.FunctionDef) -> None:
        a = node.args
        if a.vararg or a.kwarg or a.kwonlyargs or a.posonlyargs or a.defaults:
            raise self._fail(
                node, f"{node.name} has parameters that are not plain", "def name(a: type, b: type)"
            )


_MARKS = "@process, @process(count, waits=True), @always, @at_rest, @sometimes"


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
