"""Deliberate one-line faults of the FIFO and 2-level texts, each with a trace that shows it."""

from dataclasses import dataclass

__all__ = ["MUTANTS", "Mutant"]


@dataclass(frozen=True)
class Mutant:
    """`right` stands once in the text; `wrong` is put in its place. `trace` must not agree."""

    text: str
    right: str
    wrong: str
    trace: str


MUTANTS = (
    Mutant(
        "fifo",
        "saved[p] = 1  #",
        "saved[p] = 0  #",
        "edges/fifo-edge-2lstart",
    ),
    Mutant(
        "fifo",
        "if not block[v]:  # no",
        "if block[v]:  # no",
        "edges/fifo-edge-garbage",
    ),
    Mutant(
        "fifo",
        "if not E[p].masked and not test_and_set(E[p].linked)",
        "if not test_and_set(E[p].linked)",
        "edges/fifo-edge-poll",
    ),
    Mutant(
        "fifo",
        "if T[old] == p:  # X4",
        "if T[q] == p:  # X4",
        "edges/fifo-edge-moves",
    ),
    Mutant(
        "fifo",
        "T[old] = 0  # X4b",
        "pass  # X4b",
        "edges/fifo-edge-ready",
    ),
    Mutant(
        "fifo",
        "            lastq[p] = q\n            release(L[old])\n            old = q",
        "            release(L[old])\n            old = q",
        "edges/fifo-edge-reset-residue",
    ),
    Mutant(
        "fifo",
        "            q = v * priorities + l\n            acquire",
        "            q = v * priorities + 7\n            acquire",
        "edges/fifo-edge-reset",
    ),
    Mutant(
        "fifo",
        "replace(w, busy=0, link=p))  # X7",
        "replace(w, link=p))  # X7",
        "edges/fifo-edge-busy",
    ),
    Mutant(
        "fifo",
        "    if not w.linked:\n        return 0\n    seen",
        "    if w.masked:\n        return 0\n    seen",
        "edges/fifo-edge-guest-unlink",
    ),
    Mutant(
        "fifo",
        "    if not linked:\n        head[v][l] = p  # X9",
        "    if linked:\n        head[v][l] = p  # X9",
        "edges/fifo-edge-garbage",
    ),
    Mutant(
        "fifo",
        "T[q] = p  # X10",
        "T[q] = t  # X10",
        "edges/fifo-edge-garbage",
    ),
    Mutant(
        "fifo",
        "    return not linked",
        "    return 1",
        "edges/fifo-edge-ready",
    ),
    Mutant(
        "fifo",
        "if not test_and_set(ready[v][l])",
        "if test_and_set(ready[v][l])",
        "edges/fifo-edge-raise",
    ),
    Mutant(
        "fifo",
        "if not test_and_set(upcall[v]):  # X13",
        "if test_and_set(upcall[v]):  # X13",
        "edges/fifo-edge-garbage",
    ),
    Mutant(
        "fifo",
        "    if host and not was:",
        "    if host and was:",
        "edges/fifo-edge-poll",
    ),
    Mutant(
        "fifo",
        "clear_bit(E[p].masked)  # M4",
        "set_bit(E[p].masked)  # M4",
        "edges/fifo-edge-reset-residue",
    ),
    Mutant(
        "fifo",
        "if E[p].pending:  # M5",
        "if not E[p].pending:  # M5",
        "edges/fifo-edge-reset-residue",
    ),
    Mutant(
        "fifo",
        "    if p < words:\n        return E[p].linked",
        "    if p < words:\n        return 0",
        "edges/fifo-edge-close",
    ),
    Mutant(
        "fifo",
        "    if p < words:\n        clear_bit(E[p].pending)",
        "    if p < words:\n        clear_bit(E[p].linked)",
        "edges/fifo-edge-close",
    ),
    Mutant(
        "fifo",
        "            if w.pending:\n                break",
        "            if w.linked:\n                break",
        "edges/fifo-edge-reset-residue",
    ),
    Mutant(
        "fifo",
        "if E[p].pending and not E[p].masked:  # C5",
        "if E[p].pending:  # C5",
        "edges/fifo-edge-raise",
    ),
    Mutant(
        "fifo",
        "        mine[v][l] = link",
        "        mine[v][l] = 0",
        "edges/fifo-edge-garbage",
    ),
    Mutant(
        "fifo",
        "todo |= exchange(ready[v], 0)  # C8",
        "todo |= ready[v]  # C8",
        "fifo-open-01-basic",
    ),
    Mutant(
        "fifo",
        "replace(w, linked=0, link=0)",
        "replace(w, linked=0)",
        "edges/fifo-edge-garbage",
    ),
    Mutant(
        "fifo",
        "        if p == 0:\n            p = head[v][l]  # C2",
        "        if p != 0:\n            p = head[v][l]",
        "edges/fifo-edge-overlap",
    ),
    Mutant(
        "fifo",
        "            if late:\n                set_bit",
        "            if not late:\n                set_bit",
        "edges/fifo-edge-overlap",
    ),
    Mutant(
        "fifo",
        "        again = upcall[v]",
        "        again = 0",
        "edges/fifo-edge-raise",
    ),
    Mutant(
        "two-level",
        "    if test_and_set(pending[w][b]):\n        return",
        "    if test_and_set(pending[w][b]):\n        pass",
        "edges/2l-edge-poll",
    ),
    Mutant(
        "two-level",
        "    if not mask[w][b]:\n        select",
        "    if mask[w][b]:\n        select",
        "edges/2l-edge-poll",
    ),
    Mutant(
        "two-level",
        "    if test_and_clear(mask[w][b]):",
        "    if mask[w][b]:",
        "edges/2l-edge-basic-pv",
    ),
    Mutant(
        "two-level",
        "    if not test_and_set(selector[v][w]):",
        "    if not test_and_set(selector[v][0]):",
        "edges/2l-edge-fair",
    ),
    Mutant(
        "two-level",
        "    if cpu_mask[cpu][w][b]:",
        "    if not cpu_mask[cpu][w][b]:",
        "edges/2l-edge-poll",
    ),
    Mutant(
        "two-level",
        "        if not (waiting and is_hvm):",
        "        if not waiting:",
        "edges/2l-edge-basic-pv",
    ),
    Mutant(
        "two-level",
        "    begun: bit = 0",
        "    begun: bit = 1",
        "2l-open-01-basic",
    ),
    Mutant(
        "two-level",
        "b = first_bit",
        "b = 0",
        "2l-open-01-basic",
    ),
    Mutant(
        "two-level",
        "            current_word[v] = w if b else (w + 1) % words",
        "            current_word[v] = w",
        "edges/2l-edge-fair",
    ),
    Mutant(
        "two-level",
        "            current_bit[v] = b",
        "            current_bit[v] = 0",
        "edges/2l-edge-move",
    ),
    Mutant(
        "two-level",
        "    return set_here & cpu_mask[v][w] & ~masked",
        "    return set_here & cpu_mask[v][w]",
        "2l-open-01-basic",
    ),
    Mutant(
        "two-level",
        "            b = (b + 1) % word_bits",
        "            b = 0",
        "edges/2l-edge-move",
    ),
)
