"""What `--dist` says, and that draws depend on nothing but the seed."""

import numpy as np
import pytest

from evtplan.errors import EvtplanError
from evtplan.plans.sweeps.build import SweepText, build_sweep
from evtplan.plans.sweeps.distributions import parse_distribution


def drawn(law: str, count: int = 20_000) -> np.ndarray:
    generator = np.random.default_rng(7)
    return parse_distribution(law, "k", law, least=1).draw(generator, count)


class TestLaws:
    @pytest.mark.parametrize(
        ("law", "middle"),
        [
            ("lognormal(median=64, sigma=0.5)", 64),
            ("lognormal(4.158883, 0.5)", 64),
            ("normal(100, 10)", 100),
            ("uniform(1, 199)", 100),
            ("triangular(50, 100, 150)", 100),
            ("poisson(100)", 100),
            ("exponential(mean=100)", 69),
            ("choice(7, 7, 7)", 7),
        ],
    )
    def test_have_their_median(self, law: str, middle: int) -> None:
        assert abs(np.median(drawn(law)) - middle) <= 3

    def test_a_mean_is_a_mean(self) -> None:
        assert abs(drawn("lognormal(mean=100, sigma=0.5)").mean() - 100) < 2

    def test_bounds_are_kept(self) -> None:
        values = drawn("normal(10, 100, min=5, max=20)")
        assert (values.min(), values.max()) == (5, 20)

    def test_uniform_takes_both_ends(self) -> None:
        assert set(drawn("uniform(1, 3)")) == {1, 2, 3}


class TestErrors:
    @pytest.mark.parametrize(
        ("law", "said"),
        [
            ("lognorm(1,2)", "unknown distribution"),
            ("lognormal(64, 0.5)", "mean of the logarithm"),
            ("lognormal(4)", "needs sigma"),
            ("lognormal(4, -1)", "negative"),
            ("lognormal(median=4, mean=5, sigma=1)", "twice"),
            ("lognormal(median=0, sigma=1)", "positive"),
            ("lognormal(1, 2, 3)", "too many"),
            ("lognormal(1, 2, sigmma=3)", "unknown parameter"),
            ("uniform(5, 1)", "fall"),
            ("uniform(5, 5)", "empty"),
            ("normal(1, nan)", "no number"),
            ("normal(1, 1e400)", "beyond"),
            ("normal(1, 1, min=0)", "at least 1"),
            ("normal(1, 1, min=9, max=2)", "above max"),
            ("choice()", "numbers to choose"),
            ("poisson(0)", "positive"),
            ("64", "no distribution"),
            ("__import__('os')", "unknown distribution"),
            ("normal(open('x'), 1)", "no number"),
        ],
    )
    def test_each_is_said_by_name(self, law: str, said: str) -> None:
        with pytest.raises(EvtplanError) as error:
            parse_distribution(law, "k", law, least=1)
        assert said in str(error.value)


class TestSeed:
    """same input gives the same bytes; row order free of the number of workers"""

    def test_the_same_points_are_drawn_whatever_the_chunks(self) -> None:
        def rows(chunk: int, seed: int = 3) -> list[list[int]]:
            text = SweepText(
                vary=("abi=fifo,2l-64",),
                dist=("events_per_vm=lognormal(median=64, sigma=0.5)",),
                sample=30_000,
                seed=seed,
                rows_per_chunk=chunk,
            )
            sweep = build_sweep(text)
            inputs = [sweep.inputs(*sweep.chunk_bounds(i)) for i in range(sweep.chunks)]
            return [[c for part in inputs for c in part[key].cells()] for key in sweep.keys]

        assert rows(30_000) == rows(777)
        assert rows(30_000) != rows(30_000, seed=4)
