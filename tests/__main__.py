"""Every check, one after the other: `python -m tests [pytest arguments]`.

Exit 0 only when all of them pass. The last line counts them.
"""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

CHECKS: tuple[tuple[str, list[str]], ...] = (
    ("ruff check", [sys.executable, "-m", "ruff", "check", "."]),
    ("ruff format", [sys.executable, "-m", "ruff", "format", "--check", "."]),
    ("mypy --strict", [sys.executable, "-m", "mypy"]),
    ("import-linter", [str(BIN / "lint-imports"), "--no-cache"]),
    ("pytest", [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal"]),
)


def main() -> int:
    failed = []
    for name, command in CHECKS:
        print(f"== {name}", flush=True)
        started = time.monotonic()
        extra = sys.argv[1:] if name == "pytest" else []
        if subprocess.run([*command, *extra], cwd=ROOT).returncode:
            failed.append(name)
        print(f"== {name}: {time.monotonic() - started:.0f} s", flush=True)
    for name in failed:
        print(f"failed: {name}")
    print(f"checks: {len(CHECKS) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
