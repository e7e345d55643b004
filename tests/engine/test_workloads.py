"""Arrivals: drawn ones have the rate, skew and bursts asked for; recordings are read strictly."""

from pathlib import Path

import numpy as np
import pytest

from evtplan.engine.simulator.workloads import Workload, draw, read_recording
from evtplan.errors import EvtplanError


class TestDrawnArrivals:
    """Poisson, periodic, bursty (on/off), many ports with a Zipf skew"""

    @pytest.mark.parametrize("arrivals", ["poisson", "periodic", "bursty"])
    def test_have_the_rate_asked_for(self, arrivals: str) -> None:
        workload = Workload(50_000, 3, arrivals, burst_on_ns=1e5, burst_off_ns=3e5)
        rates = []
        for seed in range(5):
            found = draw(workload, 100_000, seed)
            rates.append(len(found) / found.times_ns[-1] * 1e9)
        assert np.mean(rates) == pytest.approx(50_000, rel=0.03)

    def test_are_in_order_and_within_the_ports(self) -> None:
        for arrivals in ("poisson", "periodic", "bursty"):
            found = draw(Workload(1e6, 7, arrivals, zipf=1.0), 20_000, 3)
            assert (np.diff(found.times_ns) >= 0).all()
            assert set(found.ports) == set(range(1, 8))

    def test_of_a_zipf_skew_follow_one_over_k(self) -> None:
        found = draw(Workload(1e6, 4, zipf=1.0), 200_000, 1)
        counts = np.bincount(found.ports)[1:]
        assert counts / counts[0] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4], rel=0.05)

    def test_in_bursts_vary_more_than_poisson(self) -> None:
        def dispersion(arrivals: str) -> float:
            found = draw(Workload(1e5, 1, arrivals), 200_000, 5)
            counts = np.bincount((found.times_ns / 1e6).astype(int))
            return float(counts.var() / counts.mean())

        assert dispersion("poisson") == pytest.approx(1, abs=0.2)
        assert dispersion("bursty") > 5

    def test_are_the_same_for_the_same_seed(self) -> None:
        one, two = (draw(Workload(1e5, 9, zipf=0.5), 1000, 11) for _ in range(2))
        assert (one.times_ns == two.times_ns).all()
        assert (one.ports == two.ports).all()

    @pytest.mark.parametrize(
        "wrong",
        [{"arrivals": "poison"}, {"rate": 0}, {"rate": float("nan")}, {"rate": float("inf")},
         {"rate": -1}, {"ports": 0}, {"ports": 131_072}, {"zipf": -1}, {"shares": (1.0, 2.0)}],
    )  # fmt: skip
    def test_of_an_impossible_workload_are_refused(self, wrong: dict[str, object]) -> None:
        with pytest.raises(EvtplanError):
            Workload(**{"rate": 1000.0, **wrong})  # type: ignore[arg-type]


class TestRecordings:
    """from a recorded file of (time, port)"""

    def test_are_read_with_header_comments_and_either_separator(self, tmp_path: Path) -> None:
        path = tmp_path / "rec.csv"
        path.write_text("time_ns,port\n# boot\n100,1\n250 2\n250\t1\n")
        found = read_recording(path)
        assert list(found.times_ns) == [0, 150, 150]
        assert list(found.ports) == [1, 2, 1]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("5 1\n3 1\n", ":2: time 3 lies before 5: the recording is out of order"),
            ("5 1\n6\n", ":2: a line is `time port`"),
            ("5 1\nx y\n", ":2: not `time port`"),
            ("a b\nc d\n1 1\n", ":2: not `time port`"),
            ("nan 1\n", ":1: time nan"),
            ("5 0\n", ":1: port 0"),
            ("5 131072\n", ":1: port 131072"),
            ("", "no events"),
        ],
    )
    def test_that_are_wrong_name_the_line(self, tmp_path: Path, text: str, said: str) -> None:
        path = tmp_path / "rec.txt"
        path.write_text(text)
        with pytest.raises(EvtplanError) as caught:
            read_recording(path)
        assert said in caught.value.message

    def test_that_are_no_text_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "rec.bin"
        path.write_bytes(b"\xff\xfe\x00\x01")
        with pytest.raises(EvtplanError, match="not UTF-8"):
            read_recording(path)
