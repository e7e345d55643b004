"""Which formula is held against what, and which the engine has nothing to say about."""

from evtplan.plans.validation import (
    arrays,
    delivery,
    guests,
    heap,
    memory,
    registration,
    vm_limits,
)
from evtplan.plans.validation.core import Validator

__all__ = ["NO_COUNTERPART", "VALIDATORS"]

_MODULES = (arrays, vm_limits, memory, heap, guests, delivery, registration)

VALIDATORS: dict[str, Validator] = {
    validator.formula: validator for module in _MODULES for validator in module.VALIDATORS
}

# Formulas of things that the engine does not do, and why.
NO_COUNTERPART: dict[str, str] = {
    "draft_a.control_block_bytes": "recalled only: what could be read of draft A has one queue, "
    "and says nothing of how its control blocks are laid out",
    "limits.mapping_pages": "the engine is given P; how much address space a build of Xen sets "
    "aside for mappings is a fact of its headers",
    "limits.other_mappings": "vcpu_info, runstate, APIC and ioreq pages have no part in delivering "
    "events; the host model maps event state only",
    "limits.registered_vcpus": "where a vcpu_info lies makes no difference to the host model",
    "limits.linux_irqs": "interrupt numbers are the guest kernel's; the engine ends at its ports",
    "limits.linux_irq_row_pages": "a table of the guest kernel's; the engine ends at its ports",
    "limits.pv_vcpu_limit": "address space for GDTs and LDTs: no part of what the engine does",
    "heap.struct_bytes_saved": "compares struct domain before and after one commit; the host "
    "model begins after it",
    "delivery.hypercall_time": "converts cycles into nanoseconds; the engine's costs are "
    "nanoseconds already",
}
