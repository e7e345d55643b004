"""Facts about each event-channel ABI and Xen release: integers and enums, no SymPy, no I/O."""

from evtplan.abi.abis import ABIS, Abi, abi_named, abis_on
from evtplan.abi.releases import (
    ARCHITECTURES,
    NEWEST,
    RELEASES,
    MappingSpace,
    Release,
    mapping_space,
    release_named,
    usual_release,
)

__all__ = [
    "ABIS",
    "ARCHITECTURES",
    "NEWEST",
    "RELEASES",
    "Abi",
    "MappingSpace",
    "Release",
    "abi_named",
    "abis_on",
    "mapping_space",
    "release_named",
    "usual_release",
]
