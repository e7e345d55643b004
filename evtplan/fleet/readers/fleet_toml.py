"""Our own fleet file: a host and groups of guests in TOML."""

import re
import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from evtplan.errors import EvtplanError, InputError
from evtplan.fleet.model import Device, Guest, Host
from evtplan.fleet.readers.reading import Reading

_T = TypeVar("_T")

__all__ = ["looks_like_fleet_toml", "read_fleet_toml"]

_TOP = ("name", "host", "guest")
_HOST = (
    "name", "abi", "xen", "arch", "dom0_vcpus", "dom0_virqs", "physical_cpus", "pirqs",
    "toolstack", "pages", "words_per_page", "base_ports", "vif_queues", "vif_split", "vbd_rings",
)  # fmt: skip
_GUEST = (
    "name", "count", "type", "os", "vcpus", "maxvcpus", "max_event_channels", "ioreq_servers",
    "emulator", "pirqs", "spinlock_kicker", "domid", "device",
)  # fmt: skip
_DEVICE = ("kind", "count", "backend", "queues", "split", "control", "rings", "channels")
_TEXTS = frozenset(
    ["name", "abi", "xen", "arch", "toolstack", "type", "os", "emulator", "kind", "backend"]
)
_FLAGS = frozenset(["split", "control", "spinlock_kicker", "vif_split"])


# What tomllib would take minutes over, and no fleet file has.
_LONGEST_LINE = 4 * 2**20
_LARGEST_NUMBER = 10**18
# What makes tomllib give up without saying where.
_NESTED = re.compile(r"[\[{](?:[\s\w\"'=,]*[\[{]){64}")
_MANY_DIGITS = re.compile(r"[\d_]{4301}")
_DEEP_KEY = re.compile(r"""(?:(?:(?<![\w-])[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){32}""")


def looks_like_fleet_toml(text: str) -> bool:
    """True where `text` has the tables of a fleet file."""
    return re.search(r"^[ \t]*\[(host|\[guest\])\][ \t]*(#|$)", text, re.MULTILINE) is not None


def read_fleet_toml(path: str, text: str) -> Reading:
    """The guests and the host that `text` describes.

    Raises `InputError` for what is no TOML, a key that is not known (with the nearest one), a
    value of the wrong type, or a number that cannot be.
    """
    _check_size(path, text)
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError also for a number of 4300 digits
        reason, line = _toml_error(error, text)
        raise InputError(path, reason, line=line) from error
    reader = _Reader(path, text)
    reader.check(document, _TOP, "the fleet", {"host": dict, "guest": list})
    guests = tuple(reader.guest(table) for table in document.get("guest", ()))
    host = reader.host(document.get("host", {}))
    if not guests:
        raise InputError(path, "no [[guest]] in this fleet file", hint="a fleet needs at least one")
    return Reading(guests, host=host, name=document.get("name", ""))


def _check_size(path: str, text: str) -> None:
    if len(text) > _LONGEST_LINE:
        for number, line_text in enumerate(text.split("\n"), 1):
            if len(line_text) > _LONGEST_LINE:
                raise InputError(path, f"a line longer than {_LONGEST_LINE >> 20} MiB", line=number)
    deep = _DEEP_KEY.search(text)
    if deep is not None:
        raise InputError(path, "a key of more than 32 parts", line=_line_at(text, deep))


def _line_at(text: str, found: re.Match[str] | None) -> int | None:
    return text.count("\n", 0, found.start()) + 1 if found else None


def _toml_error(error: Exception, source: str) -> tuple[str, int | None]:
    if isinstance(error, RecursionError):
        return "nested too deeply", _line_at(source, _NESTED.search(source))
    if not isinstance(error, tomllib.TOMLDecodeError):
        return "a number of too many digits", _line_at(source, _MANY_DIGITS.search(source))
    text = str(error)
    found = re.search(r" \(at line (\d+), column \d+\)", text)
    if found is None:
        return text, None
    return text.replace(found.group(), ""), int(found.group(1))


def _mentions(message: str, key: str, value: object) -> bool:
    """True where an error message speaks of `key`, or quotes the text it was set to."""
    if re.search(rf"\b{key}\b", message):
        return True
    return isinstance(value, str) and repr(value) in message


class _Reader:
    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.lines = text.splitlines()

    def host(self, table: Mapping[str, Any]) -> Host:
        self.check(table, _HOST, "[host]")
        return self.made(Host, **table)

    def guest(self, table: Mapping[str, Any]) -> Guest:
        self.check(table, _GUEST, "[[guest]]", {"device": list})
        values = {key: value for key, value in table.items() if key != "device"}
        if "count" in values:
            values["copies"] = values.pop("count")
        if "name" not in values:
            raise InputError(self.path, "a [[guest]] has no name", line=self.line_of("[[guest]]"))
        devices = tuple(self.device(item) for item in table.get("device", ()))
        return self.made(Guest, devices=devices, **values)

    def device(self, table: Mapping[str, Any]) -> Device:
        self.check(table, _DEVICE, "[[guest.device]]")
        if "kind" not in table:
            raise InputError(
                self.path, "a [[guest.device]] has no kind", line=self.line_of("[[guest.device]]")
            )
        return self.made(Device, **table)

    def check(
        self,
        table: Any,
        known: tuple[str, ...],
        place: str,
        shapes: Mapping[str, type] | None = None,
    ) -> None:
        if not isinstance(table, dict):
            raise InputError(self.path, f"{place} must be a table", line=self.line_of(place))
        for key, value in table.items():
            if key not in known:
                near = get_close_matches(key, known, n=1)
                hint = f"did you mean {near[0]}?" if near else "known: " + ", ".join(known)
                raise InputError(
                    self.path, f"{place} has no key {key!r}", line=self.line_of(key), hint=hint
                )
            if isinstance(value, int) and abs(value) > _LARGEST_NUMBER:
                reason = f"{key} is a number of too many digits"
                raise InputError(self.path, reason, line=self.line_of(key))
            shape = (shapes or {}).get(key) or self.shape(key)
            if not isinstance(value, shape) or (shape is int and isinstance(value, bool)):
                what = {str: "text", int: "a whole number", bool: "true or false"}.get(
                    shape, "a table" if shape is dict else f"[[{key}]] tables"
                )
                raise InputError(
                    self.path,
                    f"{key} is {value!r}; it must be {what}",
                    line=self.line_of(key, value),
                )

    @staticmethod
    def shape(key: str) -> type:
        if key in _TEXTS:
            return str
        return bool if key in _FLAGS else int

    def line_of(self, key: str, value: object = None) -> int | None:
        """The line where `key` is set, to `value` where that can be told, or where the table
        header `key` stands.
        """
        if key.startswith("["):
            found = (n for n, line in enumerate(self.lines, 1) if line.strip().startswith(key))
            return next(found, None)
        setting = rf"""(^|[{{,]|\.)\s*["']?{re.escape(key)}["']?\s*="""
        text = str(value).lower() if isinstance(value, bool) else str(value)
        patterns = [rf"""{setting}\s*["']?{re.escape(text)}\b""", setting]
        for pattern in (*patterns, rf"^\s*\[+{re.escape(key)}\]"):
            for number, line in enumerate(self.lines, 1):
                if re.search(pattern, line):
                    return number
        return None

    def made(self, make: Callable[..., _T], /, **values: Any) -> _T:
        try:
            return make(**values)
        except EvtplanError as error:
            # The model's word for a guest's count is copies; its message names the field.
            message = error.message.replace("copies", "count")
            named = {"count" if key == "copies" else key: value for key, value in values.items()}
            key = next((k for k in named if _mentions(message, k, named[k])), "name")
            raise InputError(
                self.path, message, line=self.line_of(key, named.get(key)), hint=error.hint
            ) from error
