"""Writes the kernels from the book: `python -m evtplan.formulas.generate`.

The kernels are what every plan computes with: plain arithmetic that starts without SymPy. A test
holds the files equal to what this module would write.
"""

from collections.abc import Iterable
from pathlib import Path

from evtplan.formulas.catalogue import BOOK
from evtplan.formulas.core import Formula
from evtplan.formulas.printer import exact_source

__all__ = ["KERNELS", "kernels_source"]

_HERE = Path(__file__).parent
# file -> (does it hold the whole-number results?, what the file says first)
_FILES: dict[Path, tuple[bool, str]] = {
    _HERE / "kernels.py": (
        True,
        '''"""The formulas of the book in exact integers; printed by generate.py, not by hand.

Each takes its inputs by the names of the book's quantities and returns an exact Python integer.
"""
''',
    ),
    _HERE / "rational_kernels.py": (
        False,
        '''"""The formulas of the book with fractional results; printed by generate.py, not by hand.

Each takes its inputs by the names of the book's quantities and returns an exact `Fraction`.
"""

from fractions import Fraction

from evtplan.formulas.repairman import repairman_busy, repairman_queue
''',
    ),
}
KERNELS: tuple[Path, ...] = tuple(_FILES)


def kernels_source(path: Path) -> str:
    """The text of one of `KERNELS`."""
    whole, head = _FILES[path]
    return head + _functions(f for f in BOOK.values() if f.result.integer is whole)


def _functions(formulas: Iterable[Formula]) -> str:
    functions, names = [], []
    for formula in formulas:
        signature, body = exact_source(formula).rstrip("\n").split("\n", 1)
        functions.append(f'{signature}\n    """{formula.meaning} [{formula.name}]"""\n{body}\n')
        names.append(f'    "{formula.function_name}",\n')
    return f"\n__all__ = [\n{''.join(sorted(names))}]\n\n\n" + "\n\n".join(functions)


def main() -> None:
    """Write the kernels anew."""
    for path in KERNELS:
        path.write_text(kernels_source(path), encoding="utf-8")


if __name__ == "__main__":
    main()
