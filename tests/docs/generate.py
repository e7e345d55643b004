"""Writes what the documents quote: `python -m tests.docs.generate [PAGE.md…]`.

docs/commands.md has the --help text of every command, docs/formulas.md the formula book. In each
PAGE.md named, the output below the command of every `console` block becomes what it prints now.
"""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from evtplan.commands.app import COMMANDS
from evtplan.plans.reference import reference_page

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "commands.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FORMULAS = ROOT / "docs" / "formulas.md"


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


def on_a_terminal(command: str) -> str:
    """What `command` prints on a terminal of 80 columns, stdout and stderr together."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "LINES": "24", "NO_COLOR": "1", "TERM": "dumb"}
    line = re.sub(r"(^|&& |\| )evtplan ", rf"\1{sys.executable} -m evtplan ", command)
    process = subprocess.Popen(
        line, shell=True, stdout=follower, stderr=follower, cwd=ROOT, env=environment
    )
    os.close(follower)
    chunks = []
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        chunks.append(chunk)
    process.wait()
    os.close(leader)
    return b"".join(chunks).decode().replace("\r\n", "\n")


def refreshed(text: str) -> str:
    """The page `text` with every block's output as its command prints it now."""

    def block(found: re.Match[str]) -> str:
        line = found.group(1).partition("\n")[0]
        return f"```console\n{line}\n{on_a_terminal(line.removeprefix('$ '))}```"

    return BLOCK.sub(block, text)


def main() -> None:
    TARGET.write_text(commands_page(), encoding="utf-8")
    for page in map(Path, sys.argv[1:]):
        page.write_text(refreshed(page.read_text(encoding="utf-8")), encoding="utf-8")
    FORMULAS.write_text(reference_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
