"""Compiled readings of the sizing program, kept on disk between runs.

Numba keeps machine code beside a source file and trusts it while that file stands unchanged. The
text compiled here comes from several modules, so it is written to a file of its own whose name is
a hash of it: a changed book is another file. Where no folder can be written, everything works,
and is compiled anew each time.
"""

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from evtplan.plans.sweeps.lowering import INPUT_COUNT, compiled_text

__all__ = ["block_function", "compiled_module", "kept_file"]


@cache
def block_function(
    names: tuple[str, ...], one_backend: bool, varying: frozenset[str]
) -> Callable[..., None]:
    """The compiled `block` of `lowering.compiled_text`, ready to run."""
    text = compiled_text(names, one_backend=one_backend, varying=varying)
    inputs, outputs = np.ones((INPUT_COUNT, 1)), np.ones((len(names), 1))
    function: Callable[..., None] = compiled_module(text, kept_file(text))["block"]
    try:
        function(inputs, outputs, 1)
    except Exception:
        # What another version or a crash left beside the file is no reason to stop.
        function = compiled_module(text, None)["block"]
        function(inputs, outputs, 1)
    return function


def compiled_module(text: str, path: Path | None) -> dict[str, Any]:
    """The names that `text` defines, its functions marked `@compiled` compiled when called, and
    kept beside the file `path` where there is one.
    """
    import numba  # a second of start-up, only where there is much to compute

    # Division by zero gives inf, as in NumPy: a check for it would keep lanes apart.
    compiled = numba.njit(cache=path is not None, nogil=True, error_model="numpy")
    # Numba finds kept machine code again by the name of a module that is loaded.
    module = ModuleType(f"evtplan.plans.sweeps.{_digest(text)}")
    module.__dict__.update(compiled=compiled, __file__=str(path or "<sweep>"))
    sys.modules[module.__name__] = module
    exec(compile(text, module.__file__ or "", "exec"), module.__dict__)  # ours, not the file's
    return module.__dict__


def _digest(text: str) -> str:
    return "sweep_" + hashlib.sha256(text.encode()).hexdigest()[:20]


def kept_file(text: str) -> Path | None:
    """A file that says `text`, for Numba to keep its work beside; None where there is no room."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(Path.home(), ".cache")
    path = Path(base, "evtplan", f"{_digest(text)}.py")
    try:
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(name, path)
    except (OSError, RuntimeError):  # no home, no room, not ours
        with contextlib.suppress(OSError, UnboundLocalError):
            os.unlink(name)
        return None
    return path
