"""Hypercalls by name, as a guest makes them: a command and an argument structure."""

from collections.abc import Callable, Mapping

from evtplan.abi.errnos import Errno
from evtplan.engine.host import Domain, Host

__all__ = ["COMMANDS", "hypercall"]

_Made = Callable[..., int]

# command -> the method, and the fields of its structure in the order of the method's parameters
COMMANDS: Mapping[str, tuple[_Made, tuple[str, ...]]] = {
    "alloc_unbound": (Host.alloc_unbound, ("dom", "rdom")),
    "bind_interdomain": (Host.bind_interdomain, ("rdom", "rport")),
    "bind_virq": (Host.bind_virq, ("virq", "vcpu")),
    "bind_ipi": (Host.bind_ipi, ("vcpu",)),
    "bind_pirq": (Host.bind_pirq, ("pirq",)),
    "bind_vcpu": (Host.bind_vcpu, ("port", "vcpu")),
    "close": (Host.close, ("port",)),
    "send": (Host.send, ("port",)),
    "unmask": (Host.unmask, ("port",)),
    "status": (Host.status, ("dom", "port")),
    "reset": (Host.reset, ("dom",)),
    "init_control": (Host.init_control, ("vcpu", "gfn", "off")),
    "expand_array": (Host.expand_array, ("gfn",)),
    "set_priority": (Host.set_priority, ("port", "prio")),
    "unknown": (Host.unknown, ("cmd",)),
}


def hypercall(host: Host, caller: Domain, command: str, arguments: Mapping[str, int] | None) -> int:
    """Make a hypercall; `arguments` None is a pointer that faults.

    Raises `KeyError` for a command or field that does not exist.
    """
    made, fields = COMMANDS[command]
    if arguments is None:
        return -Errno.EFAULT
    return made(host, caller, *(arguments[name] for name in fields))
