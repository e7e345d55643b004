"""`evtplan formulas`: the formula book, listed, explained, recomputed."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from evtplan.commands.output import FormatOption, OutputOption, chosen_format, emit, emit_text
from evtplan.commands.telling import tell
from evtplan.commands.where import FormulasOption, WhereOption, pairs_in
from evtplan.errors import EvtplanError
from evtplan.export.record import Column, Record, Section

if TYPE_CHECKING:
    from evtplan.formulas.core import Formula

__all__ = ["formulas"]

_LISTED = (
    Column("name"),
    Column("equation"),
    Column("kind"),
    Column("unit"),
    Column("source"),
)

_EXPLAINED = (
    Column("name"),
    Column("equation"),
    Column("meaning"),
    Column("kind"),
    Column("unit"),
    Column("source"),
    Column("certainty"),
    Column("assumes"),
    Column("derived", "derived from"),
    Column("users", "used by"),
    Column("value"),
)

_SYMBOLS = (
    Column("symbol"),
    Column("name"),
    Column("unit"),
    Column("meaning"),
    Column("default"),
)

_EXAMPLES = (
    Column("given"),
    Column("result", "the book says"),
    Column("computed", "computed now"),
    Column("holds"),
    Column("note"),
)


def formulas(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="Formulas to explain (draft_a.vm_limit_estimate), or chapters to list (fifo). "
            "Without any, the whole list.",
            show_default=False,
        ),
    ] = None,
    every: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Explain every formula, of the book or of the chapters named; of the book with "
            "--format md, the reference page.",
        ),
    ] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Print the equations in LaTeX.")] = False,
    where: WhereOption = None,
    own: FormulasOption = None,
    format_name: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List the formula book, or explain formulas: equation, symbols, sources, worked examples."""
    from evtplan.formulas.catalogue import catalogue_with

    catalogue = catalogue_with(own or ())
    chosen, explained = _chosen(names or [], catalogue, every)
    if where and (latex or not (explained and len(chosen) == 1)):
        raise EvtplanError("--where needs the name of one formula", "evtplan formulas NAME …")
    if latex:
        _write_latex(chosen, format_name, output, catalogue)
        return
    if every and not names and chosen_format(format_name, output) == "md":
        from evtplan.plans.reference import reference_page

        emit_text(reference_page(catalogue), output)
        return
    record = _explanation(chosen, catalogue, where) if explained else _list(chosen, catalogue)
    emit(record, format_name, output)
    _gate(chosen)


def _chosen(
    names: list[str], catalogue: "dict[str, Formula]", every: bool
) -> "tuple[list[Formula], bool]":
    """The formulas asked for, and whether to explain them one by one."""
    from evtplan.formulas.catalogue import chapters_of, formula_named

    if not names:
        return list(catalogue.values()), every
    chapters = chapters_of(catalogue)
    found: list[Formula] = []
    for name in names:
        if name in chapters:
            found.extend(chapters[name])
            continue
        found.append(formula_named(name, catalogue))
        if every:
            raise EvtplanError(
                f"--all explains the book or a chapter; {name} is one formula", "leave out --all"
            )
    found = list({formula.name: formula for formula in found}.values())
    return found, every or not any(name in chapters for name in names)


def _list(chosen: "list[Formula]", catalogue: "dict[str, Formula]") -> Record:
    from evtplan.plans.reference import formula_row

    rows = tuple(formula_row(formula, catalogue) for formula in chosen)
    return Record(command="formulas", rows=rows, columns=_LISTED, title="The formula book")


def _explanation(
    chosen: "list[Formula]", catalogue: "dict[str, Formula]", where: list[str] | None
) -> Record:
    from evtplan.plans.reference import example_rows, formula_row, symbol_rows

    rows, symbols, examples = [], {}, []
    for formula in chosen:
        row = formula_row(formula, catalogue)
        row["assumes"] = "; ".join(formula.assumptions) or None
        row["derived"] = ", ".join(formula.derived_from) or None
        row["users"] = ", ".join(row["used_by"]) or None
        row["value"] = _value(formula, where) if where else None
        rows.append(row)
        symbols.update({(s["symbol"], s["name"]): s for s in symbol_rows(formula)})
        for example in example_rows(formula):
            given = ", ".join(f"{letter} = {v}" for letter, v in example["inputs"].items())
            examples.append({"formula": formula.name, "given": given, **example})
    shown = tuple(c for c in _EXPLAINED if any(row[c.name] is not None for row in rows))
    several = (Column("formula"),) if len(chosen) > 1 else ()
    return Record(
        command="formulas",
        rows=tuple(rows),
        columns=shown,
        title=chosen[0].name if len(chosen) == 1 else "The formula book",
        transpose=len(chosen) == 1,
        sections=(
            Section("symbols", "Symbols", tuple(symbols.values()), _SYMBOLS),
            Section("worked_examples", "Worked examples", tuple(examples), (*several, *_EXAMPLES)),
        ),
    )


def _value(formula: "Formula", where: list[str]) -> Any:
    """The result for the values given, those with a usual value filled in."""
    from evtplan.plans.given import resolve
    from evtplan.plans.reference import number_text

    values = resolve(formula, pairs_in(where))
    if formula.result.name in values:
        letter = formula.result.letter
        raise EvtplanError(
            f"{letter} is what {formula.name} gives",
            f"to ask which values give it: evtplan solve {formula.name} --for SYMBOL",
        )
    inputs = {q.name: values.get(q.name, q.usual) for q in formula.inputs}
    missing = [f"{q.letter} ({q.name})" for q in formula.inputs if inputs[q.name] is None]
    if missing:
        raise EvtplanError("not given: " + ", ".join(missing), "add --where SYMBOL=VALUE")
    given = {name: int(value) for name, value in inputs.items() if value is not None}
    return number_text(formula.evaluate(**given))


def _write_latex(
    chosen: "list[Formula]",
    format_name: str | None,
    output: str | None,
    catalogue: "dict[str, Formula]",
) -> None:
    from evtplan.formulas.equations import latex_text
    from evtplan.plans.reference import formula_row, latex_lines

    if format_name is not None:
        rows = tuple(formula_row(formula, catalogue) for formula in chosen)
        columns = (Column("name"), Column("latex", "LaTeX"))
        emit(Record(command="formulas", rows=rows, columns=columns), format_name, output)
    elif len(chosen) == 1:
        emit_text(latex_text(chosen[0]) + "\n", output)
    else:
        emit_text(latex_lines(chosen), output)


def _gate(chosen: "list[Formula]") -> None:
    """Exit 1 where a worked example does not come out as the book says."""
    wrong = [
        formula.name
        for formula in chosen
        for example in formula.examples
        if formula.evaluate(**example.inputs) != example.result
    ]
    if wrong:
        tell(f"error: worked examples do not hold: {', '.join(wrong)}")
        raise typer.Exit(1)
