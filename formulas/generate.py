"""Writes `kernels.py` from the book: `python -m evtplan.formulas.generate`.

The kernels are what every plan computes with: plain integer arithmetic that starts without
SymPy. A test holds the file equal to what this module would write.
"""

from pathlib import Path

from evtplan.formulas.catalogue import BOOK
from evtplan.formulas.printer import exact_source

__all__ = ["kernels_source"]

KERNELS = Path(__file__).with_name("kernels.py")

_HEAD = '''"""The formulas of the book in exact integers; printed by generate.py, not by hand.

Each takes its inputs by the names of the book's quantities and returns an exact Python integer.
"""
'''


def kernels_source() -> str:
    """The text of `kernels.py`."""
    functions = []
    for formula in BOOK.values():
        signature, body = exact_source(formula).rstrip("\n").split("\n", 1)
        functions.append(f'{signature}\n    """{formula.meaning} [{formula.name}]"""\n{body}\n')
    names = "".join(f'    "{name}",\n' for name in sorted(f.function_name for f in BOOK.values()))
    return f"{_HEAD}\n__all__ = [\n{names}]\n\n\n" + "\n\n".join(functions)


def main() -> None:
    """Write `kernels.py` anew."""
    KERNELS.write_text(kernels_source(), encoding="utf-8")


if __name__ == "__main__":
    main()
