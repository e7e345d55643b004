"""Generated modules on disk, so that Numba need not compile the same protocol twice.

A module's file is named by the hash of its text, written whole under another name and then
renamed: two processes that write the same one do no harm. Numba keeps its compiled code beside it.
Where no directory can be written, the module lives in memory, compiled for this run only.
"""

import hashlib
import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType

__all__ = ["cache_directory", "load_generated", "native_digest"]


def cache_directory() -> Path | None:
    """Where generated modules are kept; None where nothing can be written.

    `XDG_CACHE_HOME` (or `~/.cache`), in `evtplan/explorer`. A directory that belongs to somebody
    else is not used: its code would run as us.
    """
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    path = Path(base) / "evtplan" / "explorer"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            return None
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError:
        return None
    return path


def native_digest() -> str:
    """A digest of native.py, to be named in every module that compiles its functions in."""
    return hashlib.sha256(Path(__file__).with_name("native.py").read_bytes()).hexdigest()[:16]


def load_generated(source: str) -> ModuleType:
    """The module whose text is `source`, imported from the cache (written there if it is new)."""
    name = "evtplan_generated_" + hashlib.sha256(source.encode()).hexdigest()[:24]
    if name in sys.modules:
        return sys.modules[name]
    directory = cache_directory()
    if directory is None:
        return _load_uncached(name, source)
    path = directory / f"{name}.py"
    if not path.exists() or path.read_text(encoding="utf-8") != source:
        _write(path, source)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _load_uncached(name: str, source: str) -> ModuleType:
    """A module without a file: nothing is left on a disk, and Numba compiles it anew each time."""
    module = ModuleType(name)
    exec(compile(source.replace("cache=True", "cache=False"), f"<{name}>", "exec"), module.__dict__)
    sys.modules[name] = module
    return module


def _write(path: Path, source: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(source)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
