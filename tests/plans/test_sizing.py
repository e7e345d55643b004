"""Sizing by numbers, against the thread, published figures and plain counting."""

import random
from dataclasses import replace

import pytest

from evtplan.errors import EvtplanError, UnknownNameError
from evtplan.plans.answers import SizingRow
from evtplan.plans.sizing import SizingInputs, size_by_numbers


def sized(abi: str, events_per_vm: int, **numbers: int | str) -> SizingRow:
    (row,) = size_by_numbers([SizingInputs(abi, events_per_vm, **numbers)]).rows  # type: ignore[arg-type]
    return row


class TestTheThread:
    """V = P ÷ (1 + E_V/E_P)"""

    def test_half_the_pages_and_64_events_give_123_thousand_vms(self) -> None:
        assert sized("fifo-draft-a", 64, pages=131072).vm_limit_estimate == 123361

    def test_the_second_method_gives_129_thousand_4_and_a_half_per_cent_apart(self) -> None:
        row = sized("fifo-draft-a", 64, pages=131072, driver_domains=16)
        assert row.vm_limit_second_method == 128896
        assert row.methods_differ_percent == 4.49

    def test_unrestricted_guests_take_two_pages_each(self) -> None:
        assert sized("fifo-draft-a", 1024, pages=131072).vm_limit_estimate == 131072 // 2

    def test_one_dom0_runs_out_of_ports_long_before_pages(self) -> None:
        row = sized("fifo-draft-a", 64, pages=131072)
        assert (row.vm_limit, row.binding) == (2047, "backend_ports")
        assert row.vm_limit_pages == 123361


class TestPublishedFigures:
    def test_xenserver_6_1_stopped_at_about_150_vms(self) -> None:
        row = sized("2l-32", 6, backend_base_ports=100)
        assert (row.vm_limit, row.binding) == (153, "backend_ports")

    def test_a_64_bit_backend_supports_fewer_than_1024_guests(self) -> None:
        assert sized("2l-64", 4, backend_base_ports=0).vm_limit == 1023


def pages_counted(vms: int, given: SizingInputs) -> int:
    """Whole pages, counted domain by domain from the definition: no formula of the book."""

    def pages(ports: int) -> int:
        full, rest = divmod(ports + 1, given.words_per_page)  # port 0 takes a word
        return full + (1 if rest else 0)

    control = given.vcpus if given.abi == "fifo" and given.vcpus else 0
    served = [vms // given.backends + (1 if k < vms % given.backends else 0) for k in range(2)]
    more = vms % given.backends
    base, each = given.backend_base_ports, given.events_per_vm
    backends = more * pages(base + served[0] * each) if more else 0
    backends += (given.backends - more) * pages(base + (vms // given.backends) * each)
    return vms * (pages(each) + control) + backends


class TestExactness:
    """not one cell differs"""

    @pytest.mark.slow
    @pytest.mark.parametrize("size", [12, 10**4, 10**9, 10**18])
    def test_the_limit_by_pages_fits_and_one_more_does_not(self, size: int) -> None:
        chance = random.Random(size)
        for _ in range(25_000):
            given = SizingInputs(
                chance.choice(["fifo-draft-a", "fifo"]),
                events_per_vm=chance.randint(1, size),
                pages=chance.randint(1, size),
                words_per_page=chance.randint(1, size),
                backends=chance.choice([1, 1, 2, 3, 7]),
                backend_base_ports=chance.randint(0, size),
                vcpus=chance.choice([None, 1, 5]),
                vms=chance.randint(1, size),
            )
            (row,) = size_by_numbers([given]).rows
            limit = row.vm_limit_pages
            assert limit is not None
            assert given.pages is not None
            assert given.vms is not None
            assert limit == 0 or pages_counted(limit, given) <= given.pages
            assert pages_counted(limit + 1, given) > given.pages
            without = replace(given, vcpus=None)
            assert row.total_array_pages == pages_counted(given.vms, without)


class TestBackendsToLift:
    """say how many driver domains lift it"""

    def test_one_fewer_leaves_ports_of_the_backend_binding(self) -> None:
        lifting = sized("fifo-draft-a", 64, pages=131072).backends_to_lift
        assert lifting is not None
        assert sized("fifo-draft-a", 64, pages=131072, backends=lifting).binding != "backend_ports"
        before = sized("fifo-draft-a", 64, pages=131072, backends=lifting - 1)
        assert before.binding == "backend_ports"


class TestXenHeap:
    """xenheap pages for ports up to 1023: 5, 9 and 17 for the three struct sizes"""

    @pytest.mark.parametrize(("xen", "pages"), [("4.4-dev", 5), ("4.4", 9), ("4.6", 17)])
    def test_by_release(self, xen: str, pages: int) -> None:
        row = sized("2l-64", 1023, vms=1, backends=1, xen=xen)
        assert row.xenheap_pages_per_domu == pages
        assert row.xenheap_bytes == 2 * pages * 4096  # the domU's and dom0's, as many ports each

    def test_every_port_on_xen_4_6(self) -> None:
        assert sized("fifo", 131071, vms=1, xen="4.6").xenheap_pages_per_domu == 2052


class TestBadNumbers:
    @pytest.mark.parametrize("value", [0, -1, 10**30, True, 1.5])
    def test_are_refused_by_name(self, value: int) -> None:
        with pytest.raises(EvtplanError, match="pages"):
            SizingInputs("fifo", 4, pages=value)

    def test_an_unknown_abi_gets_a_suggestion(self) -> None:
        with pytest.raises(EvtplanError) as caught:
            sized("fifoo", 4)
        assert caught.value.hint == "did you mean fifo?"


class TestBackendsThatLiftNothing:
    """say how many driver domains lift it"""

    @pytest.mark.parametrize(("pages", "base"), [(81, 32767), (19, 40000), (10**6, 32764)])
    def test_none_is_named_where_no_backend_has_a_port_left_for_one_vm(
        self, pages: int, base: int
    ) -> None:
        given = SizingInputs("3l-32", 4, pages=pages, backend_base_ports=base)
        (row,) = size_by_numbers([given]).rows
        assert (row.vm_limit, row.binding, row.backends_to_lift) == (0, "backend_ports", None)


class TestReleases:
    def test_an_empty_release_is_refused_and_a_newer_one_is_no_slip(self) -> None:
        for name in ("", "4.23"):
            with pytest.raises(UnknownNameError) as caught:
                size_by_numbers([SizingInputs("fifo", 4, xen=name)])
            assert caught.value.hint.startswith("known: 4.3")
