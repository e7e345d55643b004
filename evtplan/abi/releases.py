"""What differs between Xen releases: struct evtchn, and the space to map guests' pages into."""

from dataclasses import dataclass

from evtplan.errors import EvtplanError, UnknownNameError

__all__ = [
    "ARCHITECTURES",
    "NEWEST",
    "RELEASES",
    "MappingSpace",
    "Release",
    "mapping_space",
    "release_named",
]

PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Release:
    """One Xen release. `evtchn_bytes` is the power of two that a struct evtchn takes in its
    bucket (x86-64, with FLASK); `groups` says that bucket pointers lie in group pages, not in
    struct domain itself.
    """

    name: str
    evtchn_bytes: int
    groups: bool
    source: str

    @property
    def evtchns_per_bucket(self) -> int:
        """struct evtchn in one bucket, which is one page."""
        return PAGE_BYTES // self.evtchn_bytes


_SCHED = "xen/include/xen/sched.h"
_ALIGNED = f"{_SCHED}: struct evtchn aligned to 64 bytes since de6acb78bf (2015-06-22)"

NEWEST = "4.22"

RELEASES: dict[str, Release] = {
    release.name: release
    for release in (
        Release("4.3", 32, False, f"RELEASE-4.3.0 {_SCHED}"),
        Release("4.4-dev", 16, True, "ea963e094a (2013-10), without XSM"),
        Release("4.4", 32, True, f"RELEASE-4.4.0 {_SCHED}"),
        Release("4.5", 32, True, f"RELEASE-4.5.0 {_SCHED}"),
        *(Release(f"4.{minor}", 64, True, _ALIGNED) for minor in range(6, 23)),
    )
}


def release_named(name: str) -> Release:
    """The release called `name`. Raises `UnknownNameError`."""
    try:
        return RELEASES[name]
    except KeyError:
        raise UnknownNameError("Xen release", name, RELEASES) from None


@dataclass(frozen=True, slots=True)
class MappingSpace:
    """Global mappings of one page each that Xen has room for, shared with its other users."""

    pages: int
    source: str


_GLOBALMAP = MappingSpace(
    262_144, "1 GiB GLOBALMAP, RELEASE-4.3.0 xen/include/asm-x86/config.h:227"
)
_BY_ARCH = {
    "x86-64": MappingSpace(
        8_388_608, "64 GiB vmap with a guard page each, b0581b9214; x86 config.h:166"
    ),
    "arm64": MappingSpace(131_072, "1 GiB vmap with a guard page each, arm/mmu/layout.h:134"),
    "arm32": MappingSpace(98_304, "768 MiB vmap with a guard page each, arm/mmu/layout.h:99"),
}
ARCHITECTURES: tuple[str, ...] = tuple(_BY_ARCH)


def usual_release(era: str | None, architecture: str) -> str:
    """The release to take where none is named: the one an ABI of `era` was written for, or the
    next whose mapping space on `architecture` is known; the newest for an ABI of today.
    """
    if era is None:
        return NEWEST
    return "4.4" if era == "4.3" and architecture != "x86-64" else era


def mapping_space(release: str, architecture: str) -> MappingSpace:
    """The room for global mappings on a host of `release` and `architecture`.

    Raises `UnknownNameError` for either, `EvtplanError` where the figure is not known.
    """
    release_named(release)
    if architecture not in _BY_ARCH:
        raise UnknownNameError("architecture", architecture, ARCHITECTURES)
    if release != "4.3":
        return _BY_ARCH[architecture]
    if architecture == "x86-64":
        return _GLOBALMAP
    raise EvtplanError(
        f"the mapping space of Xen {release} on {architecture} is not known",
        "give --pages, or a release from 4.4 on",
    )
