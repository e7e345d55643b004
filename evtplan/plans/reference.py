"""The formula book as rows, and as the reference page of the documents."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from evtplan.formulas.catalogue import BOOK, chapters_of, users_of
from evtplan.formulas.core import Certainty, Example, Formula, Quantity
from evtplan.formulas.equations import latex_text, one_line

__all__ = [
    "example_rows",
    "formula_row",
    "latex_lines",
    "number_text",
    "reference_page",
    "symbol_rows",
]


def number_text(value: int | Fraction) -> int | str:
    """A whole number as it is; a fraction exactly, with its decimal value where that helps."""
    if value.denominator == 1:
        return int(value)
    places = next((n for n in range(1, 16) if (value * 10**n).denominator == 1), None)
    if places is not None:
        return f"{float(value):.{places}f}"
    decimal = f"≈ {float(value):.6g}"
    return f"{value} {decimal}" if value.denominator < 10**15 else decimal


def formula_row(formula: Formula, catalogue: Mapping[str, Formula] = BOOK) -> dict[str, Any]:
    """Everything the book knows of `formula`, as JSON carries it."""
    return {
        "name": formula.name,
        "equation": one_line(formula),
        "kind": formula.kind.value,
        "unit": formula.result.unit,
        "source": str(formula.source),
        "certainty": formula.certainty.value,
        "meaning": formula.meaning,
        "latex": latex_text(formula),
        "result": formula.result.name,
        "symbol": formula.result.letter,
        "inputs": [_quantity_row(quantity) for quantity in formula.inputs],
        "assumptions": list(formula.assumptions),
        "derived_from": list(formula.derived_from),
        "used_by": list(users_of(formula.name, catalogue)),
        "examples": example_rows(formula),
    }


def _quantity_row(quantity: Quantity) -> dict[str, Any]:
    return {
        "symbol": quantity.letter,
        "name": quantity.name,
        "unit": quantity.unit,
        "meaning": quantity.meaning,
        "least": quantity.least,
        "most": quantity.most,
        "default": quantity.usual,
    }


def symbol_rows(formula: Formula) -> tuple[dict[str, Any], ...]:
    """Every symbol of `formula`, its result first."""
    result = {**_quantity_row(formula.result), "least": None, "most": None, "default": None}
    return (result, *(_quantity_row(quantity) for quantity in formula.inputs))


def example_rows(formula: Formula) -> list[dict[str, Any]]:
    """Every worked example, computed anew: what the book says, what comes out now."""
    rows = []
    for example in formula.examples:
        computed = formula.evaluate(**example.inputs)
        rows.append(
            {
                "inputs": {q.letter: example.inputs[q.name] for q in formula.inputs},
                "result": number_text(example.result),
                "computed": number_text(computed),
                "holds": computed == example.result,
                "note": example.note,
                "certainty": _certainty(example),
            }
        )
    return rows


def _certainty(example: Example) -> str:
    """How well the figure of an example is founded: `derived` unless its source gives it."""
    return (example.certainty or Certainty.DERIVED).value


_PREFACE = """# The formula book

Every formula that evtplan computes with: {count} of them. Written by
`evtplan formulas --all --format md`; do not edit.

*Kind* says what a result is: **exact**, an **upper** or **lower bound**, or an **estimate**.
*Certainty* says how well it is founded: stated in the source, read in source code, derived by
arithmetic, inferred, or merely recalled (no readable text was found). Whole-number results are
exact integers of any size, the others exact fractions. ⌊ ⌋ rounds down and ⌈ ⌉ up.
"""


def reference_page(catalogue: Mapping[str, Formula] = BOOK) -> str:
    """The whole book in Markdown."""
    parts = [_PREFACE.format(count=len(catalogue))]
    for chapter, formulas in chapters_of(catalogue).items():
        parts.append(f"## {chapter}\n")
        parts.extend(_entry(formula, catalogue) for formula in formulas)
    return "\n".join(parts)


def _entry(formula: Formula, catalogue: Mapping[str, Formula]) -> str:
    lines = [
        f"### {formula.name}\n",
        f"    {one_line(formula)}\n",
        f"{_escaped(formula.meaning)}\n",
        f"*{formula.kind.value}*, in {formula.result.unit} · {formula.certainty.value} · "
        f"{_escaped(str(formula.source))}\n",
        "| symbol | name | unit | meaning |\n|---|---|---|---|",
    ]
    lines.extend(
        f"| {_escaped(q.letter)} | `{q.name}` | {q.unit} | {_escaped(q.meaning)} |"
        for q in (formula.result, *formula.inputs)
    )
    lines.append("")
    if formula.assumptions:
        lines.append("Assumes: " + "; ".join(_escaped(a) for a in formula.assumptions) + ".\n")
    lines.extend(_example(formula, row) for row in example_rows(formula))
    lines.append("")
    for title, names in (
        ("Derived from", formula.derived_from),
        ("Used by", users_of(formula.name, catalogue)),
    ):
        if names:
            lines.append(f"{title} " + ", ".join(_link(name) for name in names) + ".\n")
    return "\n".join(lines)


def _example(formula: Formula, row: Mapping[str, Any]) -> str:
    given = ", ".join(f"{letter} = {value}" for letter, value in row["inputs"].items())
    text = f"{given} gives {formula.result.letter} = {row['computed']}"
    if row["note"]:
        text += f": {row['note']}"
    if row["certainty"] != "derived by arithmetic":
        text += f" ({row['certainty']})"
    return f"- {_escaped(text)}"


def _link(name: str) -> str:
    return f"[{name}](#{name.replace('.', '')})"


def _escaped(text: str) -> str:
    for character in ("\\", "_", "*", "|", "<"):
        text = text.replace(character, "\\" + character)
    return text


def latex_lines(formulas: Iterable[Formula]) -> str:
    """The equations in LaTeX, each below a comment with its name."""
    return "".join(f"% {f.name}\n{latex_text(f)}\n" for f in formulas)
