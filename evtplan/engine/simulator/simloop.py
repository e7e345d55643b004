"""The simulator's inner loop: processes on CPUs, each step with its time. Numba compiles it.

Only plain loops over arrays. `dispatch` is the printed step of the protocol text (flat.py); what
a step *does* is there, what it *costs* and who waits for whom is here. See simulation.py for what
each array holds.
"""

from typing import Any

__all__ = ["INTERRUPTED", "loop"]

# What a process does now.
RUNS = 0  # its next step is due at `due`
WAITS_FOR_WORK = 1  # at a choice, the workload has nothing for it yet
BLOCKED_AT_LOCK = 2
BLOCKED_ELSEWHERE = 3  # waits for another process to write `wait_cell`
DONE = 4
HELD = 5  # its CPU is in a hypercall of another process

RAISER, CONSUMER, MASKER, OTHER = 0, 1, 2, 3

# Indices of `cost`, in nanoseconds; CLOSED is 1 where arrival times are gaps after the last raise.
HIT, TRANSFER, LOCKED, FENCE, HYPERCALL, UPCALL, MASKED_FOR, CLOSED = range(8)

# Indices of `total`.
(
    STEPS,
    RAISED,
    HANDLED_COUNT,
    COALESCED,
    SPURIOUS,
    UPCALLS,
    HYPERCALLS,
    LOCKS_TAKEN,
    LOCKS_WAITED,
    FAULTS,
    MASKS,
    MASKS_MISSED,
    STOPPED,
    UNMASKS,
) = range(14)

# Values of total[STOPPED]; INTERRUPTED is written by another thread.
ENDLESS, BROKEN, INTERRUPTED = 1, 2, 3

BLOCKED = -2
FAULT = -3
END = -1

ACCESS_LOAD, ACCESS_STORE, ACCESS_RMW, ACCESS_ACQUIRE, ACCESS_RELEASE, ACCESS_FENCE = range(6)


def loop(  # type: ignore[no-untyped-def]
    dispatch: Any,
    kind,
    me,
    cpu,
    role,
    start,
    pc,
    loc,
    chooses,
    idles,
    mem,
    rec,
    line_of,
    owner,
    sharers,
    pending_cell,
    pending_bit,
    emit_handled,
    emit_hypercall,
    emit_upcall,
    cost,
    service_ns,
    arrival_time,
    arrival_port,
    next_arrival,
    last_arrival,
    from_time,
    most_steps,
    first_of,
    last_of,
    after,
    raised_at,
    latency,
    latency_port,
    total,
    waited,
    called,
    busy,
    transfers,
    taken_by,
    total_before,
    waited_before,
    called_before,
    busy_before,
    transfers_before,
    trace,
):
    count = len(kind)
    state = pc * 0
    due = waited * 0.0
    wait_cell = pc * 0 - 1
    wait_from = waited * 0.0
    choice = pc * 0
    entered = pc * 0  # 1 once the raise in hand has written its port's pending bit
    arrived = waited * 0.0
    delay = pc * 0
    cpu_free = busy * 0.0
    in_call = pc * 0  # 1 from its hypercall to the end of its cycle: nothing else has its CPU
    held = (busy * 0.0) > 0.0  # by CPU: a hypercall is being made there
    warm = False
    nodes = 0
    now = 0.0
    traced = 0
    served = 0

    for p in range(count):
        choice[p] = 1  # of a consumer: that its handler returns
        if chooses[kind[p], pc[p]] and role[p] not in (CONSUMER, OTHER):
            state[p] = WAITS_FOR_WORK
            if role[p] == RAISER and next_arrival[p] < last_arrival[p]:
                state[p] = RUNS
                due[p] = arrival_time[next_arrival[p]]

    while True:
        # The process whose step is due first; the lower number where two are.
        best = -1
        for p in range(count):
            if state[p] == RUNS and (best < 0 or due[p] < due[best]):
                best = p
        if best < 0:
            # A hypercall that waits for what its own CPU is to do lets it.
            for q in range(count):
                if state[q] == HELD:
                    state[q] = RUNS
                    best = q
            if best < 0:
                break
            held[:] = False
            continue
        if total[STEPS] >= most_steps:
            total[STOPPED] = ENDLESS
        if total[STOPPED] != 0:
            break
        p = best
        now = due[p]
        c = cpu[p]
        # One thing at a time on a CPU; but the handler itself masks (delay 1), within its own time.
        if cpu_free[c] > now and delay[p] != 1:
            due[p] = cpu_free[c]
            continue
        if not warm and now >= from_time:
            warm = True
            total_before[:] = total
            waited_before[:] = waited
            called_before[:] = called
            busy_before[:] = busy
            transfers_before[:] = transfers
        granted = p
        handed_over = False
        while granted >= 0:
            p = granted
            granted = -1
            c = cpu[p]
            at_choice = chooses[kind[p], pc[p]]
            if at_choice and role[p] == RAISER:
                if next_arrival[p] >= last_arrival[p]:
                    state[p] = WAITS_FOR_WORK
                    break
                choice[p] = arrival_port[next_arrival[p]]
                arrived[p] = arrival_time[next_arrival[p]]
                entered[p] = 0
            port = choice[p]
            was_pending = 0
            if role[p] == RAISER and entered[p] == 0 and pending_cell[port] >= 0:
                was_pending = (mem[pending_cell[port]] >> pending_bit[port]) & 1
            before = pc[p]
            after_pc = dispatch(kind[p], mem, loc[p], before, me[p], port, rec)
            if after_pc == FAULT:
                total[FAULTS] += 1
                total[STOPPED] = BROKEN
                state[p] = DONE
                break
            cell = rec[0]
            access = rec[1]
            if after_pc == BLOCKED:
                if cell < 0:
                    state[p] = WAITS_FOR_WORK
                else:
                    state[p] = BLOCKED_AT_LOCK if access == ACCESS_ACQUIRE else BLOCKED_ELSEWHERE
                    wait_cell[p] = cell
                    wait_from[p] = now
                    if state[p] == BLOCKED_AT_LOCK:
                        total[LOCKS_WAITED] += 1
                        q = taken_by[cell]
                        if q >= 0 and state[q] == HELD and cpu[q] == c:
                            state[q] = RUNS  # the lock's holder must get on
                break
            total[STEPS] += 1
            if traced < len(trace):
                trace[traced, 0] = p
                trace[traced, 1] = port if at_choice else -1
                traced += 1
            if at_choice and role[p] == RAISER:
                next_arrival[p] += 1
                total[RAISED] += 1
            took = 0.0
            if cell >= 0:
                line = line_of[cell]
                mine = 1 << c
                if rec[2]:
                    if owner[line] != c or sharers[line] != mine:
                        took += cost[TRANSFER]
                        transfers[line] += 1
                    else:
                        took += cost[HIT]
                    owner[line] = c
                    sharers[line] = mine
                else:
                    if sharers[line] & mine:
                        took += cost[HIT]
                    else:
                        took += cost[TRANSFER]
                        transfers[line] += 1
                        sharers[line] |= mine
                if access in (ACCESS_RMW, ACCESS_ACQUIRE):
                    took += cost[LOCKED]
                if access == ACCESS_ACQUIRE:
                    total[LOCKS_TAKEN] += 1
                    taken_by[cell] = p
            elif access == ACCESS_FENCE:
                took += cost[FENCE]
            # A raise takes effect with its first write to its port's pending bit; where the text
            # has none (a plain queue), with the raiser's first write at all.
            takes_effect = role[p] == RAISER and entered[p] == 0 and rec[2] != 0
            if takes_effect and (pending_cell[port] < 0 or cell == pending_cell[port]):
                entered[p] = 1
                if was_pending:
                    total[COALESCED] += 1
                else:
                    raised_at[nodes] = arrived[p]
                    after[nodes] = -1
                    if first_of[port] < 0:
                        first_of[port] = nodes
                    else:
                        after[last_of[port]] = nodes
                    last_of[port] = nodes
                    nodes += 1
            calls = False
            for e in range(rec[3]):
                name = rec[4 + 2 * e]
                about = rec[5 + 2 * e]
                if name == emit_handled:
                    node = first_of[about]
                    if node < 0:
                        total[SPURIOUS] += 1
                    else:
                        latency[total[HANDLED_COUNT]] = now - raised_at[node]
                        latency_port[total[HANDLED_COUNT]] = about
                        if raised_at[node] < from_time:
                            latency[total[HANDLED_COUNT]] = -1.0
                        total[HANDLED_COUNT] += 1
                        first_of[about] = after[node]
                    took += service_ns[served % len(service_ns)]
                    served += 1
                    if cost[MASKED_FOR] >= 0:
                        total[MASKS] += 1
                        found = -1
                        for q in range(count):
                            if role[q] == MASKER and cpu[q] == c and state[q] == WAITS_FOR_WORK:
                                found = q
                                break
                        if found < 0:
                            total[MASKS_MISSED] += 1
                        else:
                            state[found] = RUNS
                            due[found] = now
                            choice[found] = about
                            delay[found] = 1
                elif name == emit_hypercall:
                    took += cost[HYPERCALL]
                    called[p] += cost[HYPERCALL]
                    total[HYPERCALLS] += 1
                    calls = role[p] == MASKER
                elif name == emit_upcall:
                    total[UPCALLS] += 1
            busy[c] += took
            if handed_over:
                waited[p] += now - wait_from[p]
            if in_call[p] == 1:
                called[p] += took
                if handed_over:
                    called[p] += now - wait_from[p]
            if calls or (in_call[p] == 1 and handed_over):
                in_call[p] = 1
                held[c] = True
                for q in range(count):
                    if q != p and cpu[q] == c and state[q] == RUNS and delay[q] != 1:
                        state[q] = HELD
            handed_over = False
            pc[p] = after_pc
            due[p] = now + took
            if role[p] != MASKER or delay[p] == 0:
                cpu_free[c] = max(cpu_free[c], now + took)
            state[p] = RUNS
            if role[p] == MASKER:
                if delay[p] == 1:
                    # Masked at once, inside the handler; unmasked when the work is done.
                    delay[p] = 2
                    due[p] = now + cost[MASKED_FOR]
                elif delay[p] == 2:
                    delay[p] = 0
            if in_call[p] == 1 and (after_pc == END or chooses[kind[p], after_pc]):
                in_call[p] = 0
                held[c] = False
                for q in range(count):
                    if cpu[q] == c and state[q] == HELD:
                        state[q] = RUNS
            if after_pc == END:
                if role[p] == MASKER:
                    # Another cycle of masking begins with a fresh budget.
                    total[UNMASKS] += 1
                    pc[p] = start[p, 0]
                    for slot in range(loc.shape[1]):
                        loc[p, slot] = start[p, slot + 1]
                    state[p] = WAITS_FOR_WORK
                else:
                    state[p] = DONE
            elif chooses[kind[p], after_pc] and role[p] not in (CONSUMER, OTHER):
                if role[p] == RAISER:
                    if next_arrival[p] < last_arrival[p]:
                        if cost[CLOSED] > 0:
                            due[p] += arrival_time[next_arrival[p]]
                            arrival_time[next_arrival[p]] = due[p]  # when it is raised, in fact
                        else:
                            due[p] = max(due[p], arrival_time[next_arrival[p]])
                    else:
                        state[p] = WAITS_FOR_WORK
                else:
                    if role[p] == MASKER:
                        total[UNMASKS] += 1
                    state[p] = WAITS_FOR_WORK
            if rec[2] and cell >= 0:
                # Whoever waits for this cell looks again: at a lock, who has waited longest is
                # handed it (a ticket lock); elsewhere everybody, once the news has reached them.
                first = -1
                for q in range(count):
                    if wait_cell[q] == cell:
                        if state[q] == BLOCKED_AT_LOCK:
                            if mem[cell] == 0 and (first < 0 or wait_from[q] < wait_from[first]):
                                first = q
                        elif state[q] == BLOCKED_ELSEWHERE:
                            state[q] = HELD if held[cpu[q]] else RUNS
                            wait_cell[q] = -1
                            news = cost[UPCALL] if idles[kind[q], pc[q]] else cost[TRANSFER]
                            due[q] = now + news
                if first >= 0:
                    wait_cell[first] = -1
                    granted = first
                    handed_over = True
    return now, nodes, traced
