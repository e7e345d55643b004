"""Plan event-channel capacity on Xen hosts; size and validate event-channel ABIs."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evtplan.fleet.model import Device, Fleet, Guest, Host
    from evtplan.plans.answers import Sizing
    from evtplan.plans.comparison import Comparison, compare
    from evtplan.plans.size import size
    from evtplan.plans.sizing import SizingInputs

__version__ = "0.1.0"

# Loaded on first use: `evtplan --version` must not pay for a planner's imports.
_LAZY: dict[str, str] = {
    "Comparison": "evtplan.plans.comparison",
    "Device": "evtplan.fleet.model",
    "Fleet": "evtplan.fleet.model",
    "Guest": "evtplan.fleet.model",
    "Host": "evtplan.fleet.model",
    "Sizing": "evtplan.plans.answers",
    "SizingInputs": "evtplan.plans.sizing",
    "compare": "evtplan.plans.comparison",
    "size": "evtplan.plans.size",
}

__all__ = [
    "Comparison",
    "Device",
    "Fleet",
    "Guest",
    "Host",
    "Sizing",
    "SizingInputs",
    "__version__",
    "compare",
    "size",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'evtplan' has no attribute {name!r}")
