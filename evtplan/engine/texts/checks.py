"""What is wrong with a text whatever its parameters: unknown names, syntax it does not have.

Lowering folds branches on constants away and says more about what is left; this looks at every
line, so that a slip in a branch that the defaults never take is found as well.
"""

import ast
from collections.abc import Iterator

from evtplan.engine.language import Text, TextError, fault, unknown_name
from evtplan.engine.texts.words import RESERVED, describe

__all__ = ["check_functions"]

_STATEMENTS = (
    ast.Assign, ast.AnnAssign, ast.AugAssign, ast.If, ast.While, ast.For, ast.With, ast.Break,
    ast.Continue, ast.Return, ast.Assert, ast.Pass, ast.Expr,
)  # fmt: skip
_NOT_VALUES = (
    ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.JoinedStr, ast.Yield, ast.YieldFrom,
    ast.NamedExpr, ast.Dict, ast.Set, ast.List, ast.Starred, ast.Slice,
)  # fmt: skip
_ALLOWED = (
    "assignment, if, while, for, break, continue, return, pass, with lock:, await, assert, emit, "
    "mark, fence, step, locked operations, helpers"
)


def check_functions(text: Text) -> None:
    """Raise `TextError` for the first line of a function that no parameters could make right."""
    functions = [
        *text.functions.values(),
        *(item.function for item in text.processes),
        *(item.function for item in text.properties),
        *([text.start] if text.start else []),
    ]
    for function in sorted(functions, key=lambda item: item.lineno):
        error = _first_error(text, function)
        if error is not None:
            raise error


def _first_error(text: Text, function: ast.FunctionDef) -> TextError | None:
    known = {
        *text.variables, *text.definitions, *text.parameters, *text.functions, *text.words,
        *RESERVED, *_bound_in(function),
    }  # fmt: skip
    for node in _nodes(function):
        if isinstance(node, ast.stmt) and not isinstance(node, _STATEMENTS):
            return fault(text.path, node, f"{describe(node)} cannot stand here", _ALLOWED)
        if isinstance(node, _NOT_VALUES):
            return fault(text.path, node, f"{describe(node)} cannot stand here", _ALLOWED)
        if isinstance(node, ast.Name) and node.id not in known:
            return unknown_name(text.path, node, node.id, known)
    return None


def _nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Every node of a function's body, annotations included, in order."""
    todo: list[ast.AST] = list(reversed(function.body))
    while todo:
        node = todo.pop()
        yield node
        todo.extend(reversed(list(ast.iter_child_nodes(node))))


def _bound_in(function: ast.FunctionDef) -> set[str]:
    """The names that a function binds: parameters, locals, what generators count."""
    bound = {argument.arg for argument in function.args.args}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
    return bound
