"""Sequence diagrams, as Mermaid and as SVG: who moves, what it does, what changes in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Message", "mermaid", "svg"]

MEMORY = "memory"
_LANE, _TOP, _ROW, _MARGIN = 260, 60, 34, 60


@dataclass(frozen=True, slots=True)
class Message:
    """A step: `process` does what `text` says; `changes` is what it changes, "" for nothing."""

    number: int
    process: str
    text: str
    changes: str


def _lanes(messages: Sequence[Message]) -> list[str]:
    return [*dict.fromkeys(message.process for message in messages), MEMORY]


def mermaid(title: str, messages: Sequence[Message]) -> str:
    """A Mermaid sequenceDiagram."""
    lanes = _lanes(messages)
    lines = ["sequenceDiagram", f"    %% {title}"]
    lines += [f"    participant L{number} as {name}" for number, name in enumerate(lanes)]
    target = f"L{len(lanes) - 1}"
    for message in messages:
        lane = f"L{lanes.index(message.process)}"
        text = _plain(f"{message.number}. {message.text}")
        if message.changes:
            lines.append(f"    {lane}->>{target}: {text} [{_plain(message.changes)}]")
        else:
            lines.append(f"    {lane}-->>{target}: {text}")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    # Mermaid ends a statement at a semicolon and reads # as the start of a character code.
    return text.replace("#", "♯").replace(";", ",")


def svg(title: str, messages: Sequence[Message]) -> str:
    """The same as a picture that stands alone."""
    lanes = _lanes(messages)
    width = 2 * _MARGIN + _LANE * max(1, len(lanes) - 1) + 200
    height = _TOP + _ROW * (len(messages) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="monospace" font-size="11">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_MARGIN}" y="18" font-size="14">{escape(title)}</text>',
    ]
    for number, name in enumerate(lanes):
        x = _MARGIN + number * _LANE
        parts.append(
            f'<line x1="{x}" y1="{_TOP - 14}" x2="{x}" y2="{height - 10}" stroke="#bbb"/>'
            f'<text x="{x}" y="{_TOP - 20}" text-anchor="middle" font-weight="bold">'
            f"{escape(name)}</text>"
        )
    memory = _MARGIN + (len(lanes) - 1) * _LANE
    for row, message in enumerate(messages, 1):
        x, y = _MARGIN + lanes.index(message.process) * _LANE, _TOP + row * _ROW
        dash = "" if message.changes else ' stroke-dasharray="3 3"'
        parts.append(
            f'<line x1="{x}" y1="{y}" x2="{memory}" y2="{y}" stroke="#345"{dash}/>'
            f'<circle cx="{x}" cy="{y}" r="3" fill="#345"/>'
            f'<text x="{x + 6}" y="{y - 5}">{message.number}. {escape(message.text)}</text>'
        )
        if message.changes:
            parts.append(
                f'<text x="{memory + 6}" y="{y + 4}" fill="#a30">{escape(message.changes)}</text>'
            )
    return "\n".join([*parts, "</svg>"]) + "\n"
