"""A path: a schedule that can be kept in a file, shown to a person, and run again.

The file is JSON, `{"schema": 1, "kind": "evtplan path", "protocol": …, "parameters": {…},
"memory": "sc", "steps": [{"process": 0, "choice": 2}, …]}`. `process` counts the system's
processes in order, kind by kind; `choice` is the value the environment picks where the step begins
with a choice. A step of a store buffer that writes to memory has `"flush"`: the number of the
variable's cell that is written (null under tso, where the oldest store is the only one). What else
a step carries (`line`, `name`, …) is for people and is not read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from evtplan.errors import InputError

__all__ = ["SCHEMA", "Path", "PathStep", "read_path", "write_path"]

SCHEMA = 1
KIND = "evtplan path"
MOST_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step: which process moves, and what the environment picks (None: nothing to pick).

    `flushes` marks the step of a store buffer instead: the process's store reaches memory; `cell`
    is the cell written (None: the oldest store).
    """

    process: int
    choice: int | None = None
    flushes: bool = False
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """A schedule of `protocol` with `parameters` under a memory model, from the initial state.

    `property` is the one that it breaks (or shows), "" for none; `extra` is kept as it is.
    """

    protocol: str
    parameters: Mapping[str, int]
    steps: tuple[PathStep, ...]
    memory: str = "sc"
    property: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The file's text; the same path gives the same bytes."""
        document = {
            "schema": SCHEMA,
            "kind": KIND,
            "protocol": self.protocol,
            "parameters": dict(self.parameters),
            "memory": self.memory,
            "property": self.property,
            "steps": [_step_document(step) for step in self.steps],
            **self.extra,
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _step_document(step: PathStep) -> dict[str, Any]:
    document: dict[str, Any] = {"process": step.process}
    if step.choice is not None:
        document["choice"] = step.choice
    if step.flushes:
        document["flush"] = step.cell
    return document


def write_path(path: Path, file: FilePath) -> None:
    """Write a path's file. Raises `OSError`."""
    file.write_text(path.to_json(), encoding="utf-8")


def read_path(file: str | FilePath) -> Path:
    """The path in a file. Raises `InputError` for what is none."""
    try:
        with open(file, "rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(file, error.strerror or str(error)) from error
    if len(data) > MOST_BYTES:
        raise InputError(file, f"larger than {MOST_BYTES} bytes: this is no path")
    return parse_path(data, str(file))


def parse_path(data: bytes, file: str = "<path>") -> Path:
    """The path in JSON text. Raises `InputError`."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise InputError(file, f"not JSON: {error}", line=line) from error
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise InputError(
            file, "this is no saved path", hint="evtplan check PROTOCOL --save-path FILE writes one"
        )
    if document.get("schema") != SCHEMA:
        raise InputError(file, f"schema {document.get('schema')!r}; this evtplan reads {SCHEMA}")
    parameters = document.get("parameters", {})
    if not isinstance(parameters, dict) or not all(_is_number(v) for v in parameters.values()):
        raise InputError(file, "parameters must be numbers by name")
    steps = document.get("steps")
    if not isinstance(steps, list):
        raise InputError(file, "steps must be a list")
    known = {"schema", "kind", "protocol", "parameters", "memory", "property", "steps"}
    return Path(
        protocol=_word(document, "protocol", file),
        parameters=parameters,
        steps=tuple(_step(number, step, file) for number, step in enumerate(steps, 1)),
        memory=_word(document, "memory", file) or "sc",
        property=_word(document, "property", file),
        extra={key: value for key, value in document.items() if key not in known},
    )


def _word(document: Mapping[str, Any], key: str, file: str) -> str:
    value = document.get(key, "")
    if not isinstance(value, str):
        raise InputError(file, f"{key} must be text")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _step(number: int, step: object, file: str) -> PathStep:
    if not isinstance(step, dict) or not _is_number(step.get("process")):
        raise InputError(file, f"step {number} has no process", hint='{"process": 0, "choice": 2}')
    choice = step.get("choice")
    cell = step.get("flush")
    if not all(value is None or _is_number(value) for value in (choice, cell)):
        raise InputError(file, f"step {number}: choice and flush are numbers")
    return PathStep(step["process"], choice, "flush" in step, cell)
