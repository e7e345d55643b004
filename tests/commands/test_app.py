"""The command as a process: exit codes, errors on stderr, light start-up."""

import subprocess
import sys

import pytest


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "evtplan", *args], capture_output=True, text=True)


class TestUsage:
    def test_an_unknown_command_is_one_error_and_exit_2(self) -> None:
        result = run("sise")
        assert result.returncode == 2
        assert result.stdout == ""
        assert result.stderr.startswith("error: unknown command 'sise'\n")

    def test_an_unknown_option_is_one_error_and_exit_2(self) -> None:
        result = run("--nonsense")
        assert result.returncode == 2
        assert "no such option" in result.stderr

    def test_no_arguments_print_help(self) -> None:
        result = run()
        assert result.returncode == 0
        assert "Usage: evtplan" in result.stdout


class TestStartUp:
    """`evtplan --help` and `--version` import neither SymPy, pandas nor Numba."""

    @pytest.mark.parametrize("option", ["--help", "--version"])
    def test_loads_no_heavy_library(self, option: str) -> None:
        code = (
            "import sys, contextlib, io\n"
            "from evtplan.commands.app import main\n"
            "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
            f"    main([{option!r}])\n"
            "heavy = ('sympy', 'pandas', 'numba', 'numpy', 'pyarrow')\n"
            "print([m for m in heavy if m in sys.modules])"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert result.stdout.strip() == "[]"
