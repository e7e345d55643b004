"""Every way a sweep computes a row gives what `evtplan size` gives, in exact integers."""

import random
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evtplan.abi import ABIS, NEWEST, abi_named, release_named
from evtplan.plans import uniform
from evtplan.plans.sizing import SizingInputs, size_by_numbers
from evtplan.plans.sweeps.build import SweepText, build_sweep
from evtplan.plans.sweeps.columns import Column, column_of
from evtplan.plans.sweeps.lowering import (
    EXACT_BELOW,
    always_present,
    exact_function,
    largest_limit_magnitude,
    largest_magnitude,
)
from evtplan.plans.sweeps.numbers import NumbersSubject, inputs_of

# Where floor and ceiling turn: multiples of a page's words, one beside them, and no powers of two.
PORTS = [1, 2, 7, 63, 64, 1023, 1024, 1025, 2047, 2048, 4095, 4096, 40000, 131071, 131072, 200000]
PAGES = [1, 2, 3, 17, 128, 1000, 1024, 131072, 262144, 999_983, 8_388_608]
WORDS = [1, 7, 512, 1000, 1024, 16384]


def random_points(count: int, seed: int, backends: list[int]) -> dict[str, list[Any]]:
    rng = random.Random(seed)
    choose = {
        "abi": list(ABIS),
        "events_per_vm": PORTS,
        "vms": [1, 2, 3, 500, 1023, 1024, 32752, 40000],
        "pages": PAGES,
        "words_per_page": WORDS,
        "backend_base_ports": [0, 1, 60, 1023, 1024, 5000],
        "backends": backends,
    }
    ranges = {"events_per_vm": 5000, "vms": 33000, "pages": 10**6, "words_per_page": 4096}
    return {
        key: [
            rng.randint(1, ranges[key])
            if key in ranges and rng.random() < 0.5
            else rng.choice(values)
            for _ in range(count)
        ]
        for key, values in choose.items()
    }


def sizing_row(point: dict[str, Any], **fixed: Any) -> dict[str, Any]:
    return asdict(size_by_numbers([SizingInputs(**point, **fixed)]).rows[0])


def computed(points: dict[str, list[Any]], compiled: bool, **fixed: Any) -> dict[str, list[Any]]:
    rows = len(points["abi"])
    subject = NumbersSubject(tuple(fixed.items()))
    columns = {key: column_of(key, cells) for key, cells in points.items()}
    found = subject.compute(columns, rows, uniform.COLUMNS, compiled=compiled)
    return {name: column.cells() for name, column in found.items()}


class TestRows:
    @pytest.mark.parametrize("compiled", [False, True])
    @pytest.mark.parametrize("backends", [[1], [1, 2, 3, 16]])
    @pytest.mark.parametrize(
        "fixed", [{}, {"vcpus": 4, "driver_domains": 16, "xen": "4.4", "guest_page_bytes": 65536}]
    )
    def test_are_those_of_a_sizing(
        self, compiled: bool, backends: list[int], fixed: dict[str, Any]
    ) -> None:
        points = random_points(400, len(backends) + len(fixed), backends)
        found = computed(points, compiled, **fixed)
        for row in range(400):
            expected = sizing_row({key: cells[row] for key, cells in points.items()}, **fixed)
            assert {n: found[n][row] for n in found} == {n: expected[n] for n in found}

    def test_planning_for_as_many_as_fit(self) -> None:
        points = random_points(200, 9, [1])
        del points["vms"]
        for compiled in (False, True):
            found = computed(points, compiled)
            for row in range(200):
                expected = sizing_row({key: cells[row] for key, cells in points.items()})
                assert {n: found[n][row] for n in found} == {n: expected[n] for n in found}

    def test_lack_a_value_only_where_it_is_said(self) -> None:
        found = computed(random_points(400, 3, [1, 2]), False)
        lacking = {name for name, cells in found.items() if None in cells}
        assert lacking == set(uniform.COLUMNS) - always_present()

    @pytest.mark.parametrize("backends", [[1], [1, 2, 5]])
    def test_no_cell_of_100000_differs_between_compiled_and_exact(
        self, backends: list[int]
    ) -> None:
        points = random_points(100_000, 5, backends)
        exact, lanes = computed(points, False, vcpus=3), computed(points, True, vcpus=3)
        wrong = sum(a != b for name in exact for a, b in zip(exact[name], lanes[name], strict=True))
        assert wrong == 0


class _Watched(int):
    """An integer that remembers the largest magnitude any arithmetic has reached."""

    most = 0

    @classmethod
    def seen(cls, value: Any) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            return value
        cls.most = max(cls.most, abs(value))
        return cls(value)


for _name in ("add", "sub", "mul", "floordiv", "neg", "pow"):
    for _prefix in ("__", "__r"):
        _method = f"{_prefix}{_name}__"
        if hasattr(int, _method):
            setattr(
                _Watched,
                _method,
                lambda self, *a, _of=getattr(int, _method): _Watched.seen(_of(self, *a)),
            )


# What a summary counts, and nothing else of `uniform.row`.
_LIMITS = exact_function(("vm_limit", "binding"))


class TestMagnitude:
    """no value inside `uniform.row` exceeds `largest_magnitude`"""

    @settings(max_examples=300, deadline=None)
    @given(
        st.sampled_from(sorted(ABIS)),
        st.fixed_dictionaries(
            {
                "events_per_vm": st.integers(1, 10**12),
                "vms_asked": st.sampled_from([-1]) | st.integers(1, 10**12),
                "vcpus": st.integers(0, 10**5),
                "pages": st.integers(1, 10**12),
                "words_per_page": st.integers(1, 10**6),
                "backends": st.integers(1, 10**6),
                "backend_base_ports": st.integers(0, 10**9),
                "driver_domains": st.integers(-1, 10**6),
                "guest_page_bytes": st.integers(1, 10**6),
            }
        ),
    )
    def test_holds(self, abi: str, numbers: dict[str, int]) -> None:
        chosen = abi_named(abi)
        facts = uniform.facts_of(chosen, release_named(chosen.era or NEWEST))
        given_ = {**facts, **numbers}
        _Watched.most = 0
        uniform.row(**{name: _Watched(value) for name, value in given_.items()})
        assert _Watched.most > 0
        assert _Watched.most <= largest_magnitude(given_)
        _Watched.most = 0
        _LIMITS(**{name: _Watched(value) for name, value in given_.items()})
        assert 0 < _Watched.most <= largest_limit_magnitude(given_)

    def test_what_it_refuses_is_computed_exactly(self) -> None:
        subject = NumbersSubject((("vms", 10**15), ("events_per_vm", 10**6)))
        points = {"pages": Column("pages", np.array([131072], dtype=np.int64))}
        assert largest_magnitude(inputs_of(subject, points, 1).largest()) > EXACT_BELOW
        found = subject.compute(points, 1, ("total_bytes", "backend_ports"), compiled=True)
        assert found["backend_ports"].cells() == [10**21]


class TestSweep:
    def test_the_last_axis_changes_fastest(self) -> None:
        sweep = build_sweep(SweepText(vary=("events_per_vm=1,2", "vms=1..3")))
        columns, rows = sweep.rows(0)
        assert rows == 6
        assert columns["events_per_vm"].cells() == [1, 1, 1, 2, 2, 2]
        assert columns["vms"].cells() == [1, 2, 3, 1, 2, 3]

    def test_a_condition_leaves_rows_out(self) -> None:
        sweep = build_sweep(
            SweepText(vary=("events_per_vm=1..100",), where="vm_limit_backend_ports < 2000")
        )
        columns, rows = sweep.rows(0)
        assert rows == len(columns["vm_limit"].cells())
        assert min(columns["events_per_vm"].cells()) == 66
