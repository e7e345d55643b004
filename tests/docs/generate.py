"""Writes docs/commands.md, the --help text of every command: `python -m tests.docs.generate`."""

import os
import subprocess
import sys
from pathlib import Path

from evtplan.commands.app import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "commands.md"


def help_of(*command: str) -> str:
    """What `evtplan … --help` prints, 80 columns wide."""
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    return subprocess.run(
        [sys.executable, "-m", "evtplan", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment,
    ).stdout


def commands_page() -> str:
    """The whole page."""
    parts = ["# Commands\n\nWhat `--help` says; written by `python -m tests.docs.generate`.\n"]
    for name in ("", *COMMANDS):
        words = [name] if name else []
        title = " ".join(["evtplan", *words])
        parts.append(f"## {title}\n\n```text\n{help_of(*words).strip()}\n```\n")
    return "\n".join(parts)


def main() -> None:
    TARGET.write_text(commands_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
