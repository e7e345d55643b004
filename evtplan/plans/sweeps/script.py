"""A sweep file: what `--vary`, `--dist` and the other options say, in TOML."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from evtplan.errors import EvtplanError, InputError
from evtplan.plans.sweeps.build import SettingError, SweepText
from evtplan.plans.typed import NotANumberError, TooLargeError, number_in

__all__ = ["SweepScript", "looks_like_sweep", "read_sweep_file"]

_KEYS: dict[str, type] = {
    "fleet": object, "formulas": object, "vary": dict, "dist": dict, "set": dict, "zip": bool,
    "sample": int, "seed": int, "select": list, "where": str, "summary": bool, "format": str,
    "output": str, "plot": str,
}  # fmt: skip
_LEAST = {"sample": 1, "seed": 0}
_BARE = re.compile(r"[\w*-]+")
_SHOULD = {
    dict: "a table",
    bool: "true or false",
    int: "a whole number",
    list: "a list of names",
    str: "text",
}


@dataclass(frozen=True, slots=True)
class SweepScript:
    """What a sweep file asks for; paths are as it gives them, relative to its own folder.

    `lines` says where in the file at `path` an option's item stands.
    """

    text: SweepText
    fleet: tuple[str, ...] = ()
    format: str | None = None
    output: str | None = None
    plot: str | None = None
    path: str = ""
    lines: Mapping[tuple[str, str], int | None] = field(default_factory=dict)

    def placed(self, error: SettingError) -> EvtplanError:
        """`error` with the file and line of what it is about, where that stands in the file."""
        place = error.option, error.item
        if place not in self.lines:
            return error
        reason = f"where: {error.reason}" if error.option == "where" else error.reason
        return InputError(self.path, reason, line=self.lines[place], hint=error.hint)


def looks_like_sweep(text: str) -> bool:
    """True where `text`, or what could be read of it, has what only a sweep file has."""
    try:
        return any(key in _KEYS for key in tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError):
        pattern = r"^\s*(\[\s*(vary|dist)\s*[].]|(vary|dist)\s*[.=])"
        return re.search(pattern, text, re.MULTILINE) is not None


def read_sweep_file(path: str, text: str) -> SweepScript:
    """The sweep that `text`, the content of `path`, asks for.

    Raises `InputError`, with the line, for what is no TOML, an unknown key or a wrong type.
    """
    try:
        document = tomllib.loads(text, parse_float=_number)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r" \(at line (\d+), column \d+\)", str(error))
        line = int(found[1]) if found else None
        reason = str(error).replace(found[0], "") if found else str(error)
        raise InputError(path, reason, line=line) from error
    for key, value in document.items():
        _check(path, text, key, value)
    folder = Path(path).parent
    lines: dict[tuple[str, str], int | None] = {}
    tables = {
        name: _settings(path, text, name, document.get(name, {}), lines)
        for name in ("vary", "dist", "set")
    }
    for name, item in (
        ("where", document.get("where")),
        ("select", ",".join(document.get("select", ()))),
    ):
        lines[name, str(item)] = _line(text, name)
    return SweepScript(
        SweepText(
            vary=tables["vary"],
            dist=tables["dist"],
            set=tables["set"],
            zip=document.get("zip", False),
            sample=document.get("sample"),
            seed=document.get("seed", 0),
            select=tuple(document.get("select", ())),
            where=document.get("where"),
            summary=document.get("summary", False),
            formulas=_files(path, text, document, "formulas"),
        ),
        fleet=_files(path, text, document, "fleet"),
        format=document.get("format"),
        output=_beside(folder, document.get("output")),
        plot=_beside(folder, document.get("plot")),
        path=path,
        lines=lines,
    )


def _files(path: str, text: str, document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The file names under `key`, one or a list, beside the sweep file."""
    names = document.get(key, [])
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(
            path, f"{key} must be a file name, or a list of them", line=_line(text, key)
        )
    return tuple(str(Path(path).parent / name) for name in names)


def _number(text: str) -> int | float:
    """1e6 is a million, as it is anywhere else; what is no whole number stays a float."""
    try:
        value = number_in(text)
    except (NotANumberError, TooLargeError):
        return float(text)
    return value if isinstance(value, int) else float(text)


def _beside(folder: Path, name: str | None) -> str | None:
    return None if name is None else name if name == "-" else str(folder / name)


def _check(path: str, text: str, key: str, value: Any) -> None:
    if key not in _KEYS:
        near = get_close_matches(key, _KEYS, n=1)
        hint = f"did you mean {near[0]}?" if near else "known: " + ", ".join(_KEYS)
        raise InputError(path, f"a sweep file has no key {key!r}", line=_line(text, key), hint=hint)
    wanted = _KEYS[key]
    wrong = not isinstance(value, wanted) or (wanted is int and isinstance(value, bool))
    if wanted is list and not wrong:
        wrong = not all(isinstance(item, str) for item in value)
    if wrong:
        raise InputError(
            path, f"{key} is {value!r}; it must be {_SHOULD[wanted]}", line=_line(text, key)
        )
    if key in _LEAST and value < _LEAST[key]:
        raise InputError(
            path, f"{key} is {value}; it must be {_LEAST[key]} or more", line=_line(text, key)
        )


def _settings(
    path: str,
    text: str,
    name: str,
    table: Mapping[str, Any],
    lines: dict[tuple[str, str], int | None],
) -> tuple[str, ...]:
    """The entries of the table `name` as `KEY=VALUES`; `lines` is told where each stands."""
    found = []
    for key, values, line in _flat(path, text, name, table, ""):
        found.append(f"{key}={values}")
        lines[name, found[-1]] = line
    return tuple(found)


def _flat(
    path: str, text: str, name: str, table: Mapping[str, Any], above: str
) -> Iterator[tuple[str, str, int | None]]:
    for key, value in table.items():
        line = _line(text, key, name)
        if isinstance(value, dict):
            inner = key if _BARE.fullmatch(key) else f'"{key}"'
            yield from _flat(path, text, name, value, f"{above}{inner}.")
            continue
        items = value if isinstance(value, list) else [value]
        for item in items:
            if isinstance(item, bool) or not isinstance(item, int | str):
                raise InputError(
                    path,
                    f"{above}{key} has {item!r}; it must be whole numbers or text",
                    line=line,
                )
        yield above + key, ",".join(str(item) for item in items), line


def _line(text: str, key: str, table: str = "") -> int | None:
    """The first line of `text` where `key` is given a value, or heads a table; in `table` if one
    is named.
    """
    given = re.compile(rf"""\s*\[?\s*([^=#]*\.)?["']?{re.escape(key)}["']?\s*[\].=]""")
    inside = not table
    for number, line in enumerate(text.splitlines(), 1):
        heading = re.match(r"\s*\[+\s*([\w-]+)", line)
        if heading and table:
            inside = heading[1] == table
        if (inside or re.match(rf"\s*{table}\s*\.", line)) and given.match(line):
            return number
    return None
