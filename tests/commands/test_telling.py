"""What is said on stderr: no wider than a terminal, and one line where a program reads it."""

import os
import sys

import pytest

from evtplan.commands.telling import tell

LONG = "error: /etc/xen/web-server-of-the-shop.cfg:12:7: " + "a list that goes on and on, " * 5


class TestTell:
    def test_wraps_at_blanks_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "60")
        leader, follower = os.openpty()
        with os.fdopen(follower, "w") as terminal:
            monkeypatch.setattr(sys, "stderr", terminal)
            tell(LONG)
            terminal.flush()
            lines = os.read(leader, 4096).decode().split("\r\n")
        os.close(leader)
        assert max(map(len, lines)) <= 60
        assert " ".join(lines).split() == LONG.split()

    def test_is_one_line_anywhere_else(self, capsys: pytest.CaptureFixture[str]) -> None:
        tell(LONG)
        assert capsys.readouterr().err == LONG + "\n"
