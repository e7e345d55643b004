"""The command `evtplan`: finds a subcommand, runs it, turns errors into exit codes.

A subcommand's module is imported only when it is asked for, so that `--help`, `--version` and
every other command start without its libraries.
"""

import errno
import os
import signal
import sys
import traceback
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from evtplan import __version__
from evtplan.errors import EvtplanError

__all__ = ["COMMANDS", "main"]

# name -> (module, first line of its docstring; a test holds them equal)
COMMANDS: dict[str, tuple[str, str]] = {
    "size": (
        "evtplan.commands.size",
        "Size a host: event channels and pages, how many VMs fit, what runs out first.",
    ),
    "compare": (
        "evtplan.commands.compare",
        "Compare ABIs, fleets or hosts: ports, pages, memory, how many VMs fit, break-even points.",
    ),
    "fleet": (
        "evtplan.commands.fleet",
        "Take the census of a fleet: which device costs which channel, on which side, and why.",
    ),
    "reconcile": (
        "evtplan.commands.reconcile",
        "Hold a fleet against what a live host shows; what is unexplained, and what room is left.",
    ),
    "simulate": (
        "evtplan.commands.simulate",
        "Run a protocol under load: latency, fairness, hypercalls, locks, cache lines.",
    ),
    "replay": (
        "evtplan.commands.replay",
        "Replay recorded behaviour of real Xen; every field of every op must agree.",
    ),
    "formulas": (
        "evtplan.commands.formulas",
        "List the formula book, or explain formulas: equation, symbols, sources, worked examples.",
    ),
    "sensitivity": (
        "evtplan.commands.sensitivity",
        "Rank the inputs by how far each moves the VM limit; show where the best ABI changes.",
    ),
    "solve": (
        "evtplan.commands.solve",
        "Solve a formula for one of its symbols: the smallest or largest whole number that fits.",
    ),
    "report": (
        "evtplan.commands.report",
        "Report on a fleet: one self-contained page for a capacity review, HTML or Markdown.",
    ),
    "sweep": (
        "evtplan.commands.sweep",
        "Sweep what-if questions: every combination, or by chance; tables, files, plots.",
    ),
    "run": (
        "evtplan.commands.run",
        "Run one schedule of a protocol text: each step, its line, and the memory that changed.",
    ),
    "check": (
        "evtplan.commands.check",
        "Check every interleaving of a protocol text, and show a shortest counterexample.",
    ),
    "validate": (
        "evtplan.commands.validate",
        "Hold every formula against the engine: the same question, two answers, one verdict.",
    ),
}

_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


class _LazyGroup(TyperGroup):
    """Commands by name; each is imported when it is run or its own help is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        return load_command(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        rows = [(name, line) for name, (_, line) in COMMANDS.items()]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from evtplan.errors import UnknownNameError

            raise UnknownNameError("command", name, COMMANDS)
        return super().resolve_command(ctx, args)


def load_command(name: str) -> Any:
    """The subcommand `name`, its module imported now. Raises `KeyError` for an unknown one."""
    module = import_module(COMMANDS[name][0])
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(name, context_settings=_SETTINGS)(getattr(module, name))
    command = get_command(app)
    command.name = name
    return command


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"evtplan {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=_LazyGroup, rich_markup_mode=None, no_args_is_help=True, context_settings=_SETTINGS
)


@app.callback()
def evtplan(
    version: bool = typer.Option(
        False,
        "--version",
        help="Print the version and exit.",
        callback=_show_version,
        is_eager=True,
    ),
    debug: bool = typer.Option(False, "--debug", help="Show a traceback where an error stops us."),
) -> None:
    """Plan event-channel capacity on Xen hosts; size and validate event-channel ABIs."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line `arguments` (those of the process where None) and exit."""
    args = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in args
    try:
        code = _run([a for a in args if a != "--debug"])
        _flush()
    except BrokenPipeError:
        _forget_stdout()
        code = 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    except EvtplanError as error:
        if debug:
            traceback.print_exc()
        code = _fail(error.message, error.hint)
    except OSError as error:
        if debug:
            traceback.print_exc()
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            _forget_stdout()
        place = f"{error.filename}: " if error.filename else ""
        code = _fail(f"{place}{error.strerror or error}")
    except (MemoryError, RecursionError) as error:
        if debug:
            traceback.print_exc()
        code = _fail("not enough memory" if isinstance(error, MemoryError) else "nested too deeply")
    except Exception as error:
        # A fault of ours: still one line, and the traceback for whoever reports it.
        if debug:
            traceback.print_exc()
        code = _fail(
            f"internal fault: {type(error).__name__}: {error}", "please report it with --debug"
        )
    _exit(code)


def _run(args: list[str]) -> int:
    command = get_command(app)
    try:
        result = command.main(args=args, prog_name="evtplan", standalone_mode=False)
    except typer.TyperException as error:
        return _usage_error(error)
    except typer.Abort:
        return 130
    except SystemExit:
        # Typer's answer to a closed pipe is 1, which here says that a check failed.
        raise BrokenPipeError from None
    return result if isinstance(result, int) else 0


def _usage_error(error: typer.TyperException) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message())
        return 0
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "evtplan"
    message = error.format_message().rstrip(".")
    return _fail(message[:1].lower() + message[1:], f"see {path} --help")


def _fail(message: str, hint: str = "") -> int:
    from evtplan.commands.telling import tell

    tell(f"error: {message}")
    if hint:
        tell(f"hint: {hint}")
    return 2


def _flush() -> None:
    if sys.stdout is not None:  # None where the process began with a closed one
        sys.stdout.flush()


def _forget_stdout() -> None:
    # What is still buffered can go nowhere; the interpreter must not try again at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _exit(code: int) -> NoReturn:
    try:
        _flush()
    except OSError:
        _forget_stdout()
    aside = sys.modules.get("evtplan.engine.aside")
    if aside is not None and aside.is_left_running():
        # A compiler still runs after Ctrl-C: Python must not take it apart.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
