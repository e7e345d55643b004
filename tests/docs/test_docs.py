"""What the documents show is what the commands print."""

import re
from pathlib import Path

import pytest

from evtplan.commands.app import COMMANDS, load_command
from evtplan.plans.reference import reference_page
from tests.docs.generate import BLOCK, FORMULAS, TARGET, commands_page, on_a_terminal

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks() -> list[tuple[str, str, str]]:
    """(page, command, output) of every `console` block; a block has one command."""
    found = []
    for page in PAGES:
        for text in BLOCK.findall(page.read_text(encoding="utf-8")):
            command, _, output = text.partition("\n")
            found.append((page.name, command.removeprefix("$ "), output))
    return found


class TestOutputBlocks:
    """README's output blocks are real and checked by the tests"""

    @pytest.mark.parametrize(("page", "command", "output"), blocks())
    def test_are_what_the_command_prints(self, page: str, command: str, output: str) -> None:
        assert on_a_terminal(command) == output, page

    def test_there_are_some(self) -> None:
        assert any(page == "README.md" for page, _, _ in blocks())


class TestCommandsPage:
    def test_is_current(self) -> None:
        assert TARGET.read_text(encoding="utf-8") == commands_page()

    @pytest.mark.parametrize("name", list(COMMANDS))
    def test_the_list_of_commands_has_each_ones_first_line(self, name: str) -> None:
        assert load_command(name).help.split("\n")[0] == COMMANDS[name][1]


class TestFormulasPage:
    """the reference page of docs/, which the tests keep current"""

    def test_is_current(self) -> None:
        assert FORMULAS.read_text(encoding="utf-8") == reference_page()


class TestSetUpCommands:
    """two commands from the README do everything"""

    @pytest.mark.parametrize("heading", ["Install and run", "Test"])
    def test_each_is_a_single_line_in_a_block_of_its_own(self, heading: str) -> None:
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        section = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
        first = re.search(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        assert first is not None
        assert first.group(1).count("\n") == 1
