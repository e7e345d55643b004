"""Pictures of sweeps: what is drawn, by which scale, and what the legend says."""

from pathlib import Path
from typing import Any

import pytest

from evtplan.errors import EvtplanError, OutputError
from evtplan.export import plot
from evtplan.plans.sweeps.build import SweepText, build_sweep
from evtplan.plans.sweeps.design import Sweep


def swept(*vary: str, **more: Any) -> Sweep:
    return build_sweep(SweepText(vary=vary, **more))


def drawn(sweep: Sweep, column: str = "vm_limit") -> Any:
    """The figure as `draw_sweep` would write it."""
    table = plot._table(sweep, column)
    if sweep.sample is not None:
        return plot._shares(sweep, table, column)
    if len(plot._numbers(sweep)) == 2 and not sweep.zipped:
        return plot._heat_maps(sweep, table, column)
    return plot._curves(sweep, table, column)


def legend_of(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


class TestCurves:
    def test_a_wide_range_with_zeros_is_still_by_factors(self) -> None:
        axes = drawn(swept("events_per_vm=1..4096:x2", "abi=2l-32,2l-64,3l-64")).axes[0]
        assert axes.get_xscale() == "log"
        assert axes.get_yscale() == "symlog"
        assert axes.get_ylim()[0] == 0

    def test_curves_that_are_the_same_are_one(self) -> None:
        figure = drawn(swept("events_per_vm=1..4096:x2", "abi=2l-64,fifo-draft-a,fifo"))
        assert legend_of(figure) == ["2l-64", "fifo-draft-a, fifo"]
        assert len(figure.axes[0].lines) == 2

    def test_counts_are_marked_at_whole_numbers(self) -> None:
        figure = drawn(swept("events_per_vm=1..20"))
        figure.canvas.draw()
        assert all(tick == int(tick) for tick in figure.axes[0].get_xticks())

    def test_values_side_by_side_are_named(self) -> None:
        axes = drawn(swept("events_per_vm=1..3", "vms=10,20,30", zip=True)).axes[0]
        assert axes.get_xlabel() == "events per VM (and beside it VMs)"


class TestHeatMaps:
    def test_what_is_short_has_another_colour(self) -> None:
        mesh = drawn(swept("events_per_vm=1..4096:x8", "vms=1..1000:300"), "headroom_vms")
        found = mesh.axes[0].collections[0]
        assert found.norm(0) == pytest.approx(0.5)
        assert found.norm(-5) < 0.5 < found.norm(5)

    def test_a_small_one_has_its_numbers(self) -> None:
        axes = drawn(swept("events_per_vm=1,8", "pages=1000,100000")).axes[0]
        assert {text.get_text() for text in axes.texts} == {"32,752", "16,383", "999", "992"}
        assert not drawn(swept("events_per_vm=1..20", "pages=1..20")).axes[0].texts


class TestChance:
    def test_the_legend_has_the_promise_in_the_user_s_order(self) -> None:
        sweep = build_sweep(
            SweepText(
                vary=("abi=fifo,2l-64",), dist=("events_per_vm=uniform(10, 40)",), sample=2000
            )
        )
        first, second = legend_of(drawn(sweep))
        assert first.startswith("fifo: ")
        assert second.startswith("2l-64: ")
        assert second.endswith(" at 99 %")


class TestRefused:
    def test_a_column_without_a_value(self, tmp_path: Path) -> None:
        path = tmp_path / "x.svg"
        with pytest.raises(EvtplanError, match="no value at any point"):
            plot.draw_sweep(swept("events_per_vm=1..3"), str(path), "vm_limit_second_method")
        assert not path.exists()

    def test_a_folder_that_is_not_there_before_anything_is_computed(self) -> None:
        with pytest.raises(OutputError, match="No such file"):
            plot.check_plot(swept("events_per_vm=1..3"), "no/such/x.svg", "vm_limit")


def test_what_is_set_stands_above(tmp_path: Path) -> None:
    path = tmp_path / "x.svg"
    plot.draw_sweep(
        swept("events_per_vm=1..3", set=("vms=7", "pages=131072")), str(path), "vm_limit"
    )
    assert "VMs 7, pages 131072" in path.read_text()
