"""How the words of a packed state are loaded from its record and put into one.

A record has whole words but for the last, of which only the bytes that mean anything are kept.
"""

from evtplan.engine.search.packing import Packing

__all__ = ["indented", "loads", "stored"]


def _cut(packing: Packing) -> int:
    """Bytes of the last word that are stored."""
    return packing.record_bytes - 8 * (packing.words - 1)


def loads(packing: Packing, names: list[str], base: str, indent: int) -> str:
    """The words of the record at `base`, by their names."""
    lines = [f"{name} = _load64({base} + {8 * i})" for i, name in enumerate(names)]
    cut = _cut(packing)
    if cut < 8:
        mask = (1 << (8 * cut)) - 1
        start = packing.record_bytes - 8
        lines[-1] = f"{names[-1]} = (_load64({base} + {start}) >> {8 * (8 - cut)}) & {mask}"
    return "\n".join(" " * indent + line for line in lines)


def stored(packing: Packing) -> list[str]:
    """Put the words w0 … of a state at `here`."""
    words, cut = packing.words, _cut(packing)
    lines = [f"_store(here + {8 * i}, w{i})" for i in range(words - 1 if cut < 8 else words)]
    if cut < 8:
        # The last word's bytes, with the highest ones of the word before in front of them.
        mask = (1 << (64 - 8 * cut)) - 1
        lines.append(
            f"_store(here + {packing.record_bytes - 8}, "
            f"((w{words - 2} >> {8 * cut}) & {mask}) | (w{words - 1} << {8 * (8 - cut)}))"
        )
    return lines


def indented(lines: list[str], depth: int) -> str:
    """Lines so many places from the left."""
    return "\n".join(" " * depth + line for line in lines)
