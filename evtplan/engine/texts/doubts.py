"""Names of a text that nothing reads: a misspelling, or something forgotten.

An assignment declares a local, so that a misspelt store to memory would be a local of its own and
the memory would never change, unseen. What gives it away is that nothing reads such a local.
"""

import ast
from collections.abc import Iterator
from difflib import get_close_matches

from evtplan.engine.language import Text, unknown_name
from evtplan.engine.system import VariableKind
from evtplan.engine.texts.words import TYPE_WORDS

__all__ = ["doubts", "refuse_misspelt"]

# Calls that make no step and change nothing; any other may.
_PURE = frozenset(
    ("min", "max", "lowest", "peek", "replace", "all", "any", "sum", "range", *TYPE_WORDS)
)


def refuse_misspelt(text: Text) -> None:
    """Raise `TextError` for an assignment to an unknown name much like that of memory, where it
    would have no effect: nothing reads the name, and its value makes no access."""
    for function in _functions(text):
        for target, value in _unread(text, function):
            if not _has_effect(text, value) and _near(text, target.id):
                raise unknown_name(text.path, target, target.id, text.variables)


def doubts(text: Text) -> tuple[str, ...]:
    """A sentence for each local and parameter that nothing reads, in order of lines.

    A local that takes the result of an access or a call may be for show (`_x = data` says so); it
    is named only where memory has a name much like it.
    """
    found = set()
    for function in _functions(text):
        for target, value in _unread(text, function):
            near = _near(text, target.id)
            if near or not _has_effect(text, value):
                meant = f"; did you mean {near}?" if near else ""
                found.add((target.lineno, f"nothing reads the local {target.id}{meant}"))
    notes = [f"line {line}: {sentence}" for line, sentence in sorted(found)]
    read = _names_read(ast.parse("\n".join(text.source)))
    unused = [name for name in text.parameters if name not in read]
    return (*notes, *(f"the text never uses its parameter {name}" for name in unused))


def _functions(text: Text) -> Iterator[ast.FunctionDef]:
    yield from (process.function for process in text.processes)
    yield from text.functions.values()


def _unread(text: Text, function: ast.FunctionDef) -> Iterator[tuple[ast.Name, ast.expr]]:
    """Each plain assignment to a local that its function reads nowhere; not to `_` or `_name`."""
    read = _names_read(function)
    for item in ast.walk(function):
        targets: list[ast.expr] = []
        if isinstance(item, ast.Assign):
            targets = item.targets
        elif isinstance(item, ast.AnnAssign) and item.value is not None:
            targets = [item.target]
        for target in targets:
            if (
                isinstance(target, ast.Name)
                and not target.id.startswith("_")
                and target.id not in read
                and target.id not in text.variables
            ):
                assert isinstance(item, ast.Assign | ast.AnnAssign)
                assert item.value is not None
                yield target, item.value


def _names_read(tree: ast.AST) -> set[str]:
    return {
        item.id
        for item in ast.walk(tree)
        if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Load)
    }


def _has_effect(text: Text, value: ast.expr) -> bool:
    for item in ast.walk(value):
        if isinstance(item, ast.Call) and not (
            isinstance(item.func, ast.Name) and item.func.id in _PURE
        ):
            return True
        declared = text.variables.get(item.id) if isinstance(item, ast.Name) else None
        if declared is not None and declared.kind is VariableKind.SHARED:
            return True
    return False


def _near(text: Text, name: str) -> str | None:
    """The variable that a name may be a misspelling of."""
    return next(iter(get_close_matches(name, text.variables, n=1, cutoff=0.75)), None)
