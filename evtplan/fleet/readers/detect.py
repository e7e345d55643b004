"""Which format an input is in, told by its content."""

import re
from collections.abc import Callable

from evtplan.errors import InputError, UnknownNameError
from evtplan.fleet.readers.fleet_toml import looks_like_fleet_toml
from evtplan.fleet.readers.source import Source, decoded
from evtplan.fleet.readers.table import delimiter_of, heading_of
from evtplan.fleet.readers.xentop import looks_like_xentop

__all__ = ["FORMATS", "detected_format", "format_named"]

# What --from takes, and what else people call it.
FORMATS: dict[str, tuple[str, ...]] = {
    "xl": ("xl.cfg", "xl-cfg", "xl_cfg", "cfg"),
    "libvirt": ("libvirt-xml", "libvirt_xml", "xml"),
    "xl-list": ("xl-list-l", "xl_list", "libxl", "json"),
    "xentop": ("xentop-b",),
    "csv": ("tsv", "table"),
    "parquet": (),
    "toml": ("fleet",),
}

_BINARY = {
    b"PK\x03\x04": "a zip file or a spreadsheet: export the table as CSV",
    b"BZh": "a bzip2 file: decompress it first",
    b"\xfd7zXZ": "an xz file: decompress it first",
    b"(\xb5/\xfd": "a zstd file: decompress it first",
    b"\x7fELF": "a program, not a configuration",
    b"QFI\xfb": "a disk image, not a configuration",
    b"SQLite format 3": "a database: export the table as CSV",
}

# Texts that people have at hand and that are read elsewhere, or nowhere.
_ELSEWHERE: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"[Ee]vent channel information for dom"),
        "a dump of Xen's debug key e, which shows no configuration",
        "evtplan reconcile reads it",
    ),
    (
        re.compile(r"^ *\d+: VCPU \d+: ", re.MULTILINE),
        "lsevtchn's output, which shows no configuration",
        "evtplan reconcile reads it",
    ),
    (
        re.compile(r"\bxen-(percpu|dyn)\b"),
        "/proc/interrupts, which shows no configuration",
        "evtplan reconcile reads it",
    ),
    (
        re.compile(r"\A\s*\(domain\b"),
        "xm list --long's S-expressions, which are not read",
        "give xl list -l, or the domain's configuration",
    ),
    (
        re.compile(r"\A\s*Name\s+ID\s+Mem\s+VCPUs\s+State"),
        "xl list's table, which shows no devices",
        "give xl list -l, or xentop -b",
    ),
)


def format_named(name: str) -> str:
    """The format that `name` means. Raises `UnknownNameError` for none."""
    for known, aliases in FORMATS.items():
        if name.lower() in (known, *aliases):
            return known
    raise UnknownNameError("input format", name, FORMATS)


def detected_format(source: Source) -> str:
    """The format of `source`, xl.cfg where nothing else fits.

    Raises `InputError` for what is surely nothing that describes VMs.
    """
    head = source.head
    if head[:4] == b"PAR1":
        return "parquet"
    for magic, what in _BINARY.items():
        if head.startswith(magic):
            raise InputError(source.name, what)
    text = decoded(source.name, _without_a_cut_end(head))
    body = text.lstrip()
    if body[:1] == "<":
        return "libvirt"
    for pattern, what, remedy in _ELSEWHERE:
        if pattern.search(text):
            raise InputError(source.name, what, hint=remedy)
    for name, fits in _BY_LOOKS:
        if fits(source, text, body):
            return name
    return "xl"


def _is_toml(source: Source, text: str, body: str) -> bool:
    return source.name.removesuffix(".gz").lower().endswith(".toml") or looks_like_fleet_toml(text)


def _is_json(source: Source, text: str, body: str) -> bool:
    named = source.name.removesuffix(".gz").lower().endswith(".json")
    return named or body[:1] == "{" or re.match(r"\[\s*[\[{\]]", body) is not None


def _is_table(source: Source, text: str, body: str) -> bool:
    named = source.name.removesuffix(".gz").lower().endswith((".csv", ".tsv"))
    _, first = heading_of(text)
    looks = len(first) < 10_000 and "=" not in first and not first.lstrip().startswith("#")
    return named or (looks and delimiter_of(first) is not None)


_BY_LOOKS: tuple[tuple[str, Callable[[Source, str, str], bool]], ...] = (
    ("toml", _is_toml),
    ("xl-list", _is_json),
    ("xentop", lambda source, text, body: looks_like_xentop(text)),
    ("csv", _is_table),
)


def _without_a_cut_end(head: bytes) -> bytes:
    """`head` without the bytes of a character that the end of what was read cuts."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head[: len(head) & ~1]
    for back in range(1, min(4, len(head)) + 1):
        if head[-back] >= 0xC0:
            return head[:-back]
        if head[-back] < 0x80:
            break
    return head
