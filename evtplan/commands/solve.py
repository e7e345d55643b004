"""`evtplan solve`: a formula turned round, exactly."""

from dataclasses import asdict
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evtplan.commands.output import FormatOption, OutputOption, emit
from evtplan.commands.telling import tell
from evtplan.commands.where import FormulasOption, WhereOption, pairs_in
from evtplan.errors import EvtplanError, UnknownNameError
from evtplan.export.record import Column, Record

if TYPE_CHECKING:
    from evtplan.formulas.core import Formula
    from evtplan.plans.solving import Solution

__all__ = ["solve"]

_COLUMNS = (
    Column("formula"),
    Column("equation"),
    Column("asked", "asked for"),
    Column("side"),
    Column("symbol"),
    Column("value"),
    Column("next_value", "one step further"),
    Column("why", "why not that"),
    Column("symbolic", "closed form"),
)

_GOALS = ("at-least", "at-most", "exactly")


def solve(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The formula, e.g. draft_a.vm_limit_estimate.")
    ],
    symbol: Annotated[
        str,
        typer.Option(
            "--for", metavar="SYMBOL", help="The symbol to solve for, by letter or name (P, pages)."
        ),
    ],
    where: WhereOption = None,
    goal: Annotated[
        str | None,
        typer.Option(
            metavar="GOAL",
            help="What is asked of the result: at-least, at-most or exactly the value given for "
            "it.  [default: at least for what fits, at most for what it costs]",
            show_default=False,
        ),
    ] = None,
    own: FormulasOption = None,
    format_name: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Solve a formula for one of its symbols: the smallest or largest whole number that fits."""
    from evtplan.formulas.catalogue import catalogue_with, formula_named
    from evtplan.formulas.core import Goal
    from evtplan.plans.solving import solve as solutions_of

    if goal is not None and goal not in _GOALS:
        raise UnknownNameError("goal", goal, _GOALS)
    formula = formula_named(name, catalogue_with(own or ()))
    given = _merged(pairs_in(where or ()))
    asked = None if goal is None else Goal(goal.replace("-", " "))
    answers = solutions_of(formula, symbol, given, asked)
    emit(_record(formula, answers), format_name, output)
    if answers[0].value is None:
        tell(f"error: {answers[0].why}")
        raise typer.Exit(1)


def _merged(pairs: list[tuple[str, int | Fraction]]) -> dict[str, int | Fraction]:
    found: dict[str, int | Fraction] = {}
    for name, value in pairs:
        if found.get(name, value) != value:
            raise EvtplanError(
                f"contradictory values for {name}: {found[name]} and {value}",
                "give each symbol once",
            )
        found[name] = value
    return found


def _record(formula: "Formula", answers: "tuple[Solution, ...]") -> Record:
    from evtplan.formulas.equations import one_line

    rows = []
    for answer in answers:
        row = {name: _plain(value) for name, value in asdict(answer).items() if name != "notes"}
        target = _plain(answer.target)
        row["asked"] = f"{formula.result.letter} {answer.goal} {target}"
        row["equation"] = one_line(formula)
        row["unit"] = formula.result.unit
        rows.append(row)
    shown = tuple(c for c in _COLUMNS if any(row[c.name] is not None for row in rows))
    notes = tuple(dict.fromkeys(note for answer in answers for note in answer.notes))
    return Record(
        command="solve", rows=tuple(rows), columns=shown, title="", transpose=True, notes=notes
    )


def _plain(value: Any) -> Any:
    """Fractions as floats, tuples as lists."""
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
