"""Whether the protocol of an ABI holds, as the manifest of the checked protocol texts says."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["protocol_of", "protocol_verdict"]

# The protocol text behind each ABI.
_TEXTS = {
    "2l-32": "two-level",
    "2l-64": "two-level",
    "3l-32": "three-level",
    "3l-64": "three-level",
    "fifo-draft-a": "draft-a",
    "fifo": "fifo",
}


def protocol_of(abi: str) -> str:
    """The name of the protocol text of `abi`."""
    return _TEXTS[abi]


def protocol_verdict(abi: str) -> bool | None:
    """True where every checked property of the ABI's protocol holds, False where one fails; None
    where it has not been checked.
    """
    verdicts = [
        entry["verdict"]
        for entry in _manifest()
        if entry.get("protocol") == _TEXTS[abi] and "verdict" in entry
    ]
    if not verdicts:
        return None
    return all(verdict == "holds" for verdict in verdicts)


@cache
def _manifest() -> tuple[dict[str, Any], ...]:
    """The entries of the manifest shipped with the protocol texts; none where there is no such."""
    path = files("evtplan.protocols") / "manifest.toml"
    if not path.is_file():
        return ()
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    tables = [table for table in document.values() if isinstance(table, list)]
    return tuple(entry for table in tables for entry in table if isinstance(entry, dict))
