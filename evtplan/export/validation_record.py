"""A validation as the record that every exporter takes."""

from collections.abc import Mapping
from typing import Any

from evtplan.export.record import Column, Record, Section
from evtplan.plans.validation.core import Outcome
from evtplan.plans.validation.running import Validation
from evtplan.plans.validation.status import status
from evtplan.plans.validation.verdicts import UNANSWERED

__all__ = ["validation_record"]

_COLUMNS = (
    Column("formula"),
    Column("kind"),
    Column("verdict"),
    Column("points"),
    Column("disagreements", "dis-agree"),
    Column("closed_form", "closed form"),
    Column("engine"),
    Column("worst_error", "worst error"),
)
_LONG = (
    Column("formula"),
    Column("question"),
    Column("kind"),
    Column("closed_form", "closed form"),
    Column("engine"),
    Column("difference"),
    Column("verdict"),
    Column("points"),
    Column("stated_error", "stated error"),
    Column("worst_at", "worst at"),
)
_HOSTS = (
    Column("host"),
    Column("question"),
    Column("closed_form", "closed form"),
    Column("engine"),
    Column("error"),
    Column("verdict"),
)
_LIVES = (
    Column("host"),
    Column("question"),
    Column("points"),
    Column("disagreements", "dis-agree"),
    Column("verdict"),
)
_BOUNDS = (
    Column("events_per_vm", "E_V"),
    Column("vms", "VMs"),
    Column("domu_pages", "domU pages"),
    Column("backend_pages", "dom0 pages"),
    Column("array_pages", "all pages"),
    Column("bound_2_per_vm", "2 a VM"),
    Column("answer"),
)
_LEFT_OUT = (
    Column("counted", "also counted"),
    Column("backend_base_ports", "R"),
    Column("control_pages_per_vm", "C"),
    Column("vms", "VMs that run"),
    Column("estimate"),
    Column("too_high_percent", "too high, %"),
)
_REGISTRATION = (
    Column("policy"),
    Column("failing_vcpu", "VCPU that fails"),
    Column("calls"),
    Column("pages_left", "pages left"),
    Column("leaked_pages", "of them leaked"),
    Column("vcpus_online", "VCPUs online"),
)
_ERRORS = (
    Column("words_per_page", "E_P"),
    Column("cells_where", "where"),
    Column("cells"),
    Column("exact"),
    Column("one_vm_too_high", "1 VM too high"),
    Column("more_too_high", "more"),
    Column("too_low", "too low"),
    Column("worst_error_vms", "worst, VMs"),
    Column("worst_at_events_per_vm", "at E_V"),
    Column("least_percent_at_2_24_pages", "least %"),
    Column("worst_percent_at_2_24_pages", "worst %"),
)

_ANSWERS = (
    ("bounds", "Is 2 pages a VM an upper or a lower bound, and can it be reduced?", _BOUNDS),
    (
        "estimate_errors",
        "V = P ÷ (1 + E_V/E_P) less the exact limit, E_V = 1 … 4096, P up to 2^24",
        _ERRORS,
    ),
    (
        "left_out",
        "What the estimate leaves out: P = 131072, E_V = 64, E_P = 1024",
        _LEFT_OUT,
    ),
    ("registration", "What is left when registering one of 8 VCPUs fails", _REGISTRATION),
)


def validation_record(found: Validation, *, long: bool = False) -> Record:
    """The record of `found`: a row a formula; hosts, lives and answers as sections.

    `long` gives tables for people every formula's question and where its error is worst.
    """
    rows = tuple(_rounded(outcome) for outcome in found.formulas)
    return Record(
        command="validate",
        rows=rows,
        columns=_LONG if long else _COLUMNS,
        title=f"Formulas against the engine, scale {found.scale}",
        sections=_sections(found),
        notes=_notes(found, rows),
        extra={"scale": str(found.scale), "comparisons": found.comparisons},
    )


def _rounded(outcome: Outcome) -> Mapping[str, Any]:
    """The row, with measured numbers to as many digits as their intervals have."""
    row = dict(outcome.row())
    for name in ("closed_form", "engine", "difference", "worst_error", "tightest",
                 "worst_relative_error", "interval_half_width"):  # fmt: skip
        if isinstance(row[name], float):
            row[name] = float(f"{row[name]:.6g}")
    return row


def _sections(found: Validation) -> tuple[Section, ...]:
    hosts = tuple(each.row() for each in found.hosts)
    lives = tuple(each.row() for each in found.lives)
    every = (
        Section("hosts", "Hosts built until each limit is run into", hosts, _HOSTS),
        Section("lives", "Channels opened and closed at random", lives, _LIVES),
        *(
            Section(name, title, found.answers.get(name, ()), columns)
            for name, title, columns in _ANSWERS
        ),
    )
    return tuple(section for section in every if section.rows)


def _notes(found: Validation, rows: tuple[Mapping[str, Any], ...]) -> tuple[str, ...]:
    reasons = [
        f"{o.formula} has no counterpart in the engine: {o.method}"
        for o in found.formulas
        if o.verdict == UNANSWERED
    ]
    total = f"{found.comparisons} comparisons in all"
    others = [*(host.row() for host in found.hosts), *(life.row() for life in found.lives)]
    return (*reasons, status(rows, others), total)
