"""The text of `uniform.row` and of the book's kernels, cut to the wanted columns and rewritten.

Two readings leave here. The exact one is plain Python over Python integers. The compiled one holds
every whole number in a float64 lane, which is exact below 2^53, and writes a // b as floor(a / b):
the quotient of two such numbers, correctly rounded, never reaches the next whole number, since it
lies at least 1/b away from it. Processors divide four such lanes at once, and integers one by one.
`largest_magnitude` says whether a set of inputs stays below 2^53; where not, only the exact
reading is used.
"""

import ast
import inspect
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from evtplan.formulas import kernels
from evtplan.plans import uniform
from evtplan.plans.costs import DOMAIN_IDS, PAGE_BYTES

__all__ = [
    "EXACT_BELOW",
    "INPUT_COUNT",
    "always_present",
    "compiled_text",
    "exact_function",
    "inputs_of_columns",
    "largest_limit_magnitude",
    "largest_magnitude",
]

EXACT_BELOW = 2**53
_INPUTS = (*uniform.FACTS, *uniform.NUMBERS)
INPUT_COUNT = len(_INPUTS)


def exact_function(names: tuple[str, ...]) -> Callable[..., tuple[Any, ...]]:
    """A function of the inputs (by keyword) that returns the columns `names`, exact."""
    lines = [ast.unparse(line) for line in _needed(names)]
    body = "\n    ".join([*lines, f"return ({''.join(f'{n}, ' for n in names)})"])
    source = f"def columns({', '.join(_INPUTS)}):\n    {body}\n"
    scope = dict(vars(uniform))
    exec(source, scope)  # lines of our own module, no input of anybody's
    function: Callable[..., tuple[Any, ...]] = scope["columns"]
    return function


def inputs_of_columns(names: tuple[str, ...]) -> frozenset[str]:
    """The inputs that the columns `names` depend on."""
    used = {
        node.id
        for line in _needed(names)
        for node in ast.walk(line.value)
        if isinstance(node, ast.Name)
    }
    return frozenset(used & set(_INPUTS))


def compiled_text(
    names: tuple[str, ...], *, one_backend: bool, varying: frozenset[str] = frozenset(_INPUTS)
) -> str:
    """A module with `block(inputs, outputs, rows)`, which fills a row of `outputs` for each of
    `names` from the rows of `inputs`, one an input in the order of FACTS and NUMBERS.

    `one_backend` says that no row has several, so that nothing need be searched for. Inputs that
    are not `varying` are the same in every lane and read from the first.
    """
    lines = [_Lanes(one_backend).visit(deepcopy(line)) for line in _needed(names)]
    used = {node.id for line in lines for node in ast.walk(line) if isinstance(node, ast.Name)}
    places = {name: place for place, name in enumerate(_INPUTS) if name in used}
    once = [f"{name} = inputs[{place}, 0]" for name, place in places.items() if name not in varying]
    loads = [f"{name} = inputs[{place}, i]" for name, place in places.items() if name in varying]
    stores = [f"outputs[{place}, i] = {name}" for place, name in enumerate(names)]
    body = "\n        ".join([*loads, *(ast.unparse(line) for line in lines), *stores])
    return (
        _HEAD
        + _functions(one_backend)
        + "\n@compiled\ndef block(inputs, outputs, rows):\n"
        + "".join(f"    {line}\n" for line in once)
        + "    for i in range(rows):\n"
        + f"        {body}\n"
    )


_HEAD = f"""import numpy as np

DOMAIN_IDS = {DOMAIN_IDS}.0
PAGE_BYTES = {PAGE_BYTES}.0
NEVER = {uniform.NEVER}.0
NOTHING = np.nan

@compiled
def floor_div(a, b):
    return np.floor(a / b)

"""


@cache
def _program() -> tuple[ast.Assign, ...]:
    """The assignments of `uniform.row`, in order."""
    function = ast.parse(inspect.getsource(uniform.row)).body[0]
    assert isinstance(function, ast.FunctionDef)
    return tuple(line for line in function.body if isinstance(line, ast.Assign))


@cache
def always_present() -> frozenset[str]:
    """The columns that have a value whatever the inputs: their line does not say NOTHING."""
    return frozenset(
        ast.unparse(line.targets[0])
        for line in _program()
        if not any(isinstance(n, ast.Name) and n.id == "NOTHING" for n in ast.walk(line.value))
    ).intersection(uniform.COLUMNS)


def _needed(names: tuple[str, ...]) -> list[ast.Assign]:
    """The lines of the program that `names` depend on."""
    wanted, lines = set(names), []
    for line in reversed(_program()):
        target = line.targets[0]
        assert isinstance(target, ast.Name)
        if target.id in wanted:
            lines.append(line)
            wanted |= {node.id for node in ast.walk(line.value) if isinstance(node, ast.Name)}
    return lines[::-1]


class _Lanes(ast.NodeTransformer):
    """Rewrites integer Python for float64 lanes: floor division, and names of kernels."""

    def __init__(self, one_backend: bool) -> None:
        self.one_backend = one_backend

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.FloorDiv):
            return ast.Call(ast.Name("floor_div", ast.Load()), [node.left, node.right], [])
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return ast.Name(node.attr, ast.Load())

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if self.one_backend and node.id == "limit_beside_many":
            return ast.Name("limit_beside_one", node.ctx)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) is int:
            return ast.Constant(float(node.value))
        return node


@cache
def _functions(one_backend: bool) -> str:
    """Every kernel and every small function of `uniform`, in an order that compiles."""
    text = []
    for function in (*_of(kernels), *_of(uniform)):
        if function.name in ("row", "facts_of"):
            continue
        if one_backend and function.name == "limit_beside_many":
            continue
        function.returns = None
        for argument in function.args.args:
            argument.annotation = None
        function.body = [s for s in function.body if not _is_docstring(s)]
        lowered = ast.fix_missing_locations(_Lanes(one_backend).visit(function))
        text.append(f"@compiled\n{ast.unparse(lowered)}\n")
    return "\n".join(text)


def _of(module: Any) -> list[ast.FunctionDef]:
    tree = ast.parse(inspect.getsource(module))
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def largest_magnitude(most: Mapping[str, int]) -> int:
    """A number that no value inside `uniform.row` exceeds, given the largest of each input.

    Generous: each product of the program is bounded by larger sums, and all of them added up.
    """
    vms = max(most["vms_asked"], DOMAIN_IDS) + 1
    ports = most["events_per_vm"] + 1
    base = most["backend_base_ports"] + 1
    vcpus, words = most["vcpus"] + 1, most["words_per_page"]
    bitmap, backends, pages = most["bitmap_pages"] + 1, most["backends"], most["pages"] + 1
    usable, channels = most["usable_ports"], most["channels"]
    # Pages of any kind take no more than one for each port, and one more, of each domain.
    domains = vms * (4 * ports + bitmap + vcpus + 8) + backends * (4 * (base + ports) + bitmap + 8)
    return (
        2 * max(PAGE_BYTES, most["guest_page_bytes"]) * domains
        + vms * 512 * (vcpus + 8) * (1 + most["priorities"])
        + pages * (words + 4 * ports + vcpus + bitmap + 8)
        + 512 * (ports + base + vms * ports) * 4
        + words * (vcpus + ports + 8)
        + backends * usable
        + (most["driver_domains"] + 2) * channels
        + 1024 * most["evtchns_per_bucket"]
    )


def largest_limit_magnitude(most: Mapping[str, int]) -> int:
    """The same for what `vm_limit` and `binding` alone need, which no cost enters."""
    ports, base = most["events_per_vm"] + 1, most["backend_base_ports"] + 1
    vcpus, words = most["vcpus"] + 1, most["words_per_page"]
    backends, pages = most["backends"], most["pages"] + 1
    return (
        pages * (words + 4)
        + words * (vcpus + 8)
        + 2 * (backends + 1) * (base + 4 * ports + pages + most["bitmap_pages"] + 8)
        + backends * most["usable_ports"]
        + DOMAIN_IDS
        + 8
    )
