"""`--scheduler`: the same chunks on a Dask cluster, also when a worker is killed."""

import os
import signal
from pathlib import Path

import pytest

from evtplan.export.sweep_job import SweepJob
from evtplan.export.sweep_run import Hands, run_to_file
from evtplan.plans.sweeps.build import SweepText


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_killed_worker_changes_no_byte(tmp_path: Path) -> None:
    """A worker killed on a local Dask cluster: the same."""
    distributed = pytest.importorskip("distributed")
    text = SweepText(vary=("vms=1..400", "events_per_vm=1..100"), rows_per_chunk=500)
    job = SweepJob(text, None, "csv")
    alone, shared = tmp_path / "alone.csv", tmp_path / "shared.csv"
    run_to_file(job, alone, Hands(), lambda _n: None, version="x", command=(), resume=False)
    killed: list[int] = []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:

        def kill_one(_points: int) -> None:
            lines = tmp_path / "shared.csv.parts" / "parts.jsonl"
            if lines.exists() and lines.read_bytes().count(b"\n") == 10 and not killed:
                killed.append(cluster.workers[0].pid)
                os.kill(killed[0], signal.SIGKILL)

        run_to_file(
            job,
            shared,
            Hands(scheduler=cluster.scheduler_address),
            kill_one,
            version="x",
            command=(),
            resume=False,
        )
    assert killed
    assert shared.read_bytes() == alone.read_bytes()
