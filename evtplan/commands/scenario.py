"""The options with which a command names a protocol text and its parameters."""

from typing import TYPE_CHECKING, Annotated

import typer

from evtplan.errors import EvtplanError
from evtplan.export.record import Record

if TYPE_CHECKING:
    from evtplan.engine.language import Text

__all__ = [
    "MemoryOption", "ParamOption", "ParamsOption", "ProtocolArgument", "numbers_in",
    "parameters_record",
]  # fmt: skip

ProtocolArgument = Annotated[
    str,
    typer.Argument(
        metavar="PROTOCOL",
        help="A built-in protocol by name (draft-a, fifo, two-level, …) or a text's file.",
        show_default=False,
    ),
]
ParamOption = Annotated[
    list[str] | None,
    typer.Option(
        "--param", "-p", metavar="NAME=N", help="A parameter of the text; --params lists them."
    ),
]
ParamsOption = Annotated[
    bool, typer.Option("--params", help="List the text's parameters and exit.")
]
MemoryOption = Annotated[
    str, typer.Option("--memory", metavar="NAME", help="Memory model: sc, tso, pso.")
]


def numbers_in(given: list[str] | None) -> dict[str, int]:
    """`NAME=N` options (also several with commas between) as numbers by name.

    Raises `EvtplanError` for one that is not.
    """
    found: dict[str, int] = {}
    for item in (part.strip() for text in given or () for part in text.split(",")):
        name, equals, number = item.partition("=")
        name = name.strip().replace("-", "_")
        try:
            value = int(number)
        except ValueError:
            equals = ""
            value = 0
        if not equals or not name:
            raise EvtplanError(f"--param {item!r} is no NAME=N", "for example --param ports=3")
        if found.get(name, value) != value:
            raise EvtplanError(f"--param {name} is given twice: {found[name]} and {value}")
        found[name] = value
    return found


def parameters_record(command: str, text: "Text") -> Record:
    """The parameters of a text, their defaults and ranges."""
    rows = tuple(
        {
            "parameter": parameter.name,
            "default": text.preset.get(parameter.name, parameter.default),
            "least": parameter.least,
            "most": parameter.most,
        }
        for parameter in text.parameters.values()
    )
    return Record(command=command, rows=rows, title=f"Parameters of {text.name}")
