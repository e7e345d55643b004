"""The simulator: against queueing theory, against the executor, and for conservation."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from evtplan.engine.costs import default_costs
from evtplan.engine.interpreter import Memory
from evtplan.engine.interpreter import Run as Step
from evtplan.engine.language import read_text
from evtplan.engine.lowering import lower
from evtplan.engine.simulation import Handler, Machine, Run, simulate
from evtplan.engine.simulator.measures import Measure, jain_index, measure, measure_ports
from evtplan.engine.simulator.workloads import Arrivals, Workload, draw
from evtplan.engine.system import TransitionSystem
from evtplan.errors import EvtplanError

ROOT = Path(__file__).resolve().parents[2]
SIMULATIONS = ROOT / "examples" / "simulations"
MEAN_NS = 1000.0
FREE = default_costs().only()


def system(name: str, **parameters: int) -> TransitionSystem:
    path = SIMULATIONS / f"{name}.py"
    return lower(read_text(str(path) if path.exists() else name), parameters)


def runs(
    model: TransitionSystem,
    machine: Machine,
    workload: Workload,
    events: int = 60_000,
    count: int = 20,
) -> list[Run]:
    return [simulate(model, machine, draw(workload, events, s), seed=s) for s in range(count)]


def waiting(found: Sequence[Run]) -> Measure:
    return measure(found).latency_mean_ns


class TestQueueingTheory:
    """M/M/1, M/D/1 and priority queues built from the same machinery agree with theory"""

    @pytest.mark.parametrize("load", [0.3, 0.5, 0.8])
    def test_mm1_waits_as_long_as_theory_says(self, load: float) -> None:
        machine = Machine(FREE, Handler(MEAN_NS, "exponential"))
        found = runs(system("queue"), machine, Workload(load * 1e9 / MEAN_NS))
        assert waiting(found).holds(MEAN_NS * load / (1 - load))

    @pytest.mark.parametrize("load", [0.3, 0.5, 0.8])
    def test_md1_waits_half_as_long_as_mm1(self, load: float) -> None:
        machine = Machine(FREE, Handler(MEAN_NS, "fixed"))
        found = runs(system("queue"), machine, Workload(load * 1e9 / MEAN_NS))
        assert waiting(found).holds(MEAN_NS * load / (2 * (1 - load)))

    def test_a_wrong_theory_is_refused(self) -> None:
        machine = Machine(FREE, Handler(MEAN_NS, "fixed"))
        found = runs(system("queue"), machine, Workload(0.5e9 / MEAN_NS))
        assert not waiting(found).holds(MEAN_NS)

    def test_a_priority_queue_follows_cobham(self) -> None:
        rates = (0.3, 0.4)  # loads of class 1 and class 2
        workload = Workload(sum(rates) * 1e9 / MEAN_NS, ports=2, shares=rates)
        machine = Machine(FREE, Handler(MEAN_NS, "exponential"))
        found = runs(system("priority_queue"), machine, workload)
        residual = sum(rates) * MEAN_NS  # λ E[S²] / 2 of exponential service
        theory = {
            1: residual / (1 - rates[0]),
            2: residual / ((1 - rates[0]) * (1 - sum(rates))),
        }
        for port, expected in theory.items():
            each = [
                next(p.mean_ns for p in measure_ports([run]) if p.port == port) for run in found
            ]
            half = 2.093 * float(np.std(each, ddof=1)) / len(each) ** 0.5
            assert abs(float(np.mean(each)) - expected) <= half, port


PROTOCOLS = (("fifo", {}), ("two-level", {"word_bits": 64, "words": 1}), ("draft-a", {}))


class TestConservation:
    """raised = handled + coalesced + pending holds in every run"""

    @pytest.mark.parametrize("arrivals", ["poisson", "periodic", "bursty"])
    @pytest.mark.parametrize(("name", "parameters"), PROTOCOLS[:2])
    def test_holds_whatever_the_arrivals(
        self, name: str, parameters: dict[str, int], arrivals: str
    ) -> None:
        parameters = {"raisers": 3, **parameters, **({"ports": 6} if name == "fifo" else {})}
        model = system(name, **parameters)
        machine = Machine(default_costs(), Handler(1500.0))
        for rate in (1e4, 5e5, 5e6):  # the last is far above capacity
            run = simulate(model, machine, draw(Workload(rate, 6, arrivals), 20_000, 1), seed=1)
            assert run.conserved
            assert run.raised >= 19_000
            assert run.handled > 0
            assert run.spurious == 0
            if rate == 5e6:
                assert run.coalesced > 0

    @pytest.mark.parametrize(("name", "parameters"), PROTOCOLS[:2])
    def test_holds_while_the_handlers_mask(self, name: str, parameters: dict[str, int]) -> None:
        parameters = {"maskers": 1, **parameters, **({"ports": 1} if name == "fifo" else {})}
        machine = Machine(default_costs(), Handler(2000.0), masked_for_ns=20_000.0)
        run = simulate(system(name, **parameters), machine, draw(Workload(2e5), 20_000, 1), seed=1)
        assert run.conserved
        assert run.masks > 0
        assert run.hypercalls > 0 or name == "two-level"

    @pytest.mark.parametrize("name", ["draft-a-repaired", "three-level"])
    def test_every_text_counts_its_unmask_hypercalls(self, name: str) -> None:
        machine = Machine(default_costs(), Handler(2000.0), masked_for_ns=20_000.0)
        arrivals = draw(Workload(2e5), 5_000, 1)
        run = simulate(system(name, maskers=1), machine, arrivals, seed=1)
        assert run.conserved
        assert run.hypercalls > 0


class TestWarmUp:
    """warm-up dropped"""

    def test_of_rates_as_of_latencies(self) -> None:
        silent_then_busy = Arrivals(
            np.concatenate((np.arange(100) * 100.0, 1e6 + np.arange(100) * 1e4)),
            np.ones(200, dtype=np.int64),
        )
        machine = Machine(FREE, Handler(1.0, "fixed"))
        run = simulate(system("queue"), machine, silent_then_busy, seed=1, warm_up=0.4)
        assert run.handled == 200
        assert run.measured.handled == 100
        assert run.measured.duration_ns == pytest.approx(1.99e6 * 0.6, rel=0.01)


class TestHypercalls:
    """unmask hypercalls per second and CPU share"""

    def test_keep_their_cpu_and_count_what_xen_does_in_them(self) -> None:
        machine = Machine(default_costs(), Handler(5000.0, "fixed"), masked_for_ns=6000.0)
        model = system("fifo", ports=4, maskers=4)
        run = simulate(model, machine, draw(Workload(150_000, 4), 20_000, 1), seed=1)
        found = run.measured
        assert found.hypercalls > 100
        each = found.hypercall_ns / found.hypercalls
        # Entry and return alone, and the steps of the raise within; never another's handler.
        assert default_costs().ns("hypercall") < each < 2000


class TestTheExecutor:
    """with all costs zero but one, the order of handled events equals the executor's"""

    @pytest.mark.parametrize("cost", ["hit", "transfer", "locked", "upcall"])
    def test_handles_in_the_same_order_on_the_same_schedule(self, cost: str) -> None:
        model = system("fifo", ports=4, raisers=2)
        machine = Machine(default_costs().only(cost), Handler(0.0))
        arrivals = draw(Workload(2e7, 4), 400, 7)
        run = simulate(model, machine, arrivals, seed=7, warm_up=0.0, keep_schedule=100_000)
        assert len(run.handled_ports) > 40
        assert handled_by_executor(model, run) == list(run.handled_ports)


def handled_by_executor(model: TransitionSystem, run: Run) -> list[int]:
    """The ports that the executor handles when it takes the same steps, budgets refilled."""
    memory = Memory(model.variables)
    left = next(variable for variable in model.variables if variable.name == "left")
    processes = model.processes
    points = [kind.start for kind, _ in processes]
    locals_ = [list(kind.initial) for kind, _ in processes]
    handled = []
    for process, choice in run.schedule.tolist():
        kind, me = processes[process]
        for cell in range(left.base, left.base + left.cells):
            memory.cells[cell] = 1
        step = Step(memory, locals_[process], me=me, choice=max(choice, 1))
        outcome = step.run(kind.points[points[process]].body)
        points[process] = outcome.point
        assert not outcome.broken
        handled += [values[0] for name, values, _ in outcome.emitted if name == "handled"]
    return handled


class TestCompiledAndPlain:
    def test_are_the_same_to_the_last_bit(self) -> None:
        model = system("fifo", ports=3, raisers=2)
        machine = Machine(default_costs(), Handler(700.0))
        arrivals = draw(Workload(1e6, 3), 500, 3)
        fast, slow = (
            simulate(model, machine, arrivals, seed=3, compiled=compiled)
            for compiled in (True, False)
        )
        assert (fast.latency_ns == slow.latency_ns).all()
        assert fast.steps == slow.steps
        assert fast.transfers == slow.transfers


class TestLayout:
    """layout matters: lock with or apart from control block and array"""

    def test_a_lock_in_the_arrays_line_moves_more_lines(self) -> None:
        model = system("fifo", ports=8, raisers=4)
        moved = {}
        for place in ("apart", "control", "array"):
            machine = Machine(default_costs(), Handler(1000.0), lock_place=place)
            run = simulate(model, machine, draw(Workload(6e5, 8), 30_000, 2), seed=2)
            moved[place] = sum(run.transfers.values()) / run.raised
        assert moved["apart"] != moved["array"]

    def test_raisers_wait_for_the_lock_only_where_there_are_several(self) -> None:
        waited = []
        for count in (1, 4):
            machine = Machine(default_costs(), Handler(500.0))
            model = system("fifo", ports=8, raisers=count)
            run = simulate(model, machine, draw(Workload(1.5e6, 8), 30_000, 2), seed=2)
            waited.append(run.locks_waited)
        assert waited[0] == 0
        assert waited[1] > 0


class TestFairness:
    def test_jain_is_one_for_alike_and_one_over_n_for_one(self) -> None:
        assert jain_index(np.array([3.0, 3.0, 3.0])) == pytest.approx(1)
        assert jain_index(np.array([0.0, 0.0, 5.0])) == pytest.approx(1 / 3)


class TestWrongInput:
    def test_a_text_without_a_raiser_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "idle.py"
        path.write_text(
            '"""Nothing raises."""\nshared = dict(x=bit)\n\n\n@process()\ndef consumer():\n'
            "    x = 1\n"
        )
        with pytest.raises(EvtplanError, match="no raiser"):
            simulate(
                lower(read_text(str(path)), {}),
                Machine(FREE, Handler(1.0)),
                draw(Workload(1e3), 10, 1),
                seed=1,
            )

    def test_a_port_that_the_text_does_not_have_is_refused(self) -> None:
        with pytest.raises(EvtplanError, match="port"):
            simulate(
                system("fifo", ports=2),
                Machine(FREE, Handler(1.0)),
                draw(Workload(1e3, 5), 100, 1),
                seed=1,
            )
