"""Plan event-channel capacity on Xen hosts; size and validate event-channel ABIs."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Loaded on first use: `evtplan --version` must not pay for a planner's imports.
_LAZY: dict[str, str] = {}

__all__ = ["__version__"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'evtplan' has no attribute {name!r}")
