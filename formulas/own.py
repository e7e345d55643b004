"""Formulas of a user's own, from Python files that define `FORMULAS`."""

import ast
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout, suppress
from pathlib import Path
from types import ModuleType

from evtplan.errors import InputError, UndefinedError
from evtplan.formulas.core import Formula

__all__ = ["formulas_in"]

_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_HINT = "see docs/own-formulas.md for an example"


def formulas_in(path: str | Path, known: Mapping[str, Formula]) -> tuple[Formula, ...]:
    """What the Python file `path` has under the name `FORMULAS`. The file is run.

    Each formula must be printable in exact arithmetic and its worked examples must hold. Raises
    `InputError`, with the line where there is one.
    """
    formulas = getattr(_run(path), "FORMULAS", None)
    if isinstance(formulas, Formula):
        formulas = (formulas,)
    if not isinstance(formulas, Iterable) or not all(isinstance(f, Formula) for f in formulas):
        raise InputError(path, "it must define FORMULAS, a tuple of Formula objects", hint=_HINT)
    found = tuple(formulas)
    if not found:
        raise InputError(path, "FORMULAS is empty", hint=_HINT)
    names = set(known)
    for formula in found:
        _check(path, formula, names)
        names.add(formula.name)
    return found


def _run(path: str | Path) -> ModuleType:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise InputError(path, "not UTF-8 text", hint="a formula file is Python source") from error
    module = ModuleType("evtplan_own_formulas")
    module.__file__ = str(path)
    try:
        code = compile(ast.parse(text, str(path)), str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise InputError(
            path, error.msg or "not Python", line=error.lineno, column=error.offset, hint=_HINT
        ) from error
    except ValueError as error:  # a null byte
        raise InputError(path, str(error), hint=_HINT) from error
    try:
        # What it prints must not get into an answer that a program reads.
        with redirect_stdout(sys.stderr):
            exec(code, module.__dict__)  # the user named this file to have it run
    except SystemExit as error:
        raise InputError(path, "it leaves the program (SystemExit)", hint=_HINT) from error
    except Exception as error:
        lines = [
            f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)
        ]
        reason = f"{type(error).__name__}: {error}"
        raise InputError(path, reason, line=lines[-1] if lines else None, hint=_HINT) from error
    return module


def _check(path: str | Path, formula: Formula, taken: set[str]) -> None:
    name = formula.name
    if not _NAME.fullmatch(name):
        raise InputError(path, f"the name {name!r} is not of the form chapter.quantity", hint=_HINT)
    if name in taken:
        raise InputError(path, f"there is a formula called {name} already", hint="choose another")
    if not formula.inputs:
        raise InputError(path, f"{name} has no inputs: it is a constant", hint=_HINT)
    if not all(quantity.integer for quantity in formula.inputs):
        raise InputError(path, f"{name}: every input must be a whole number", hint=_HINT)
    try:
        for example in formula.examples:
            found = formula.evaluate(**example.inputs)
            if found != example.result:
                raise InputError(
                    path, f"{name}: its example gives {found}, and says {example.result}"
                )
        if not formula.examples:
            with suppress(UndefinedError):
                formula.evaluate(**{q.name: max(1, q.least) for q in formula.inputs})
    except UndefinedError as error:
        raise InputError(path, f"in an example, {error.message}", hint=_HINT) from error
    except (ValueError, TypeError, ArithmeticError) as error:
        raise InputError(path, f"{name}: {error}", hint=_HINT) from error
