"""An old tail is moved to another queue (Xen e33d4257fc, November 2013).

A queue that has been emptied keeps its last event as its tail. As the code stood (`fixed=0`) that
event could be given to another VCPU, or another priority, and be linked there: the first queue's tail
is then an event that is LINKED on another queue. The next event of the first queue is chained to it,
and so stands on both queues: its own VCPU is never told. `fixed=1`: Xen remembers the queue that an
event was last linked on, and forgets it as that queue's tail before it links it on another.

vcpus=2: the event is bound to another VCPU; priorities=2: it is given another priority. Both VCPUs
run; a queue has one consumer. old_tail.py has the commit's other case.
"""

parameters = dict(
    ports=(2, 1, 4), raises=(2, 0, 3), vcpus=(2, 1, 2), priorities=(1, 1, 2), moves=(1, 0, 2), fixed=(0, 0, 1),
)

port = upto(ports)
queued = span(1, ports)
vcpu = upto(vcpus - 1)
level = upto(priorities - 1)
queue = upto(vcpus * priorities - 1)
attempt = upto(3)


class Word:
    link: port
    busy: bit
    linked: bit
    masked: bit
    pending: bit


shared = dict(E=Word[port], H=port[vcpu][level], ready=bits(priorities)[vcpu], upcall=bit[vcpu])
xen = dict(T=port[queue], queue_lock=lock[queue], target=vcpu[port], priority=level[port], last=queue[port])
ghost = dict(left=upto(raises)[queued], moves_left=upto(moves), mine=port[vcpu][level])
history = dict(on=upto(vcpus * priorities)[queued])


def start():
    for p in queued:
        left[p] = raises
    moves_left = moves


# ---- Xen ----


def set_link(t, p):                                   # evtchn_fifo_set_link()
    w = E[t]
    if not w.linked:
        return False
    seen = cmpxchg(E[t], w, replace(w, busy=0, link=p))
    if seen == w:
        return True
    set_bit(E[t].busy)
    w = E[t]
    tries: attempt = 0
    while w.linked:
        seen = cmpxchg(E[t], w, replace(w, busy=0, link=p))
        if seen == w:
            return True
        if tries == 3:
            clear_bit(E[t].busy)
            return True
        w = seen
        tries += 1
    clear_bit(E[t].busy)
    return False


def append(p, v: vcpu, l: level, q: queue) -> bit:    # under the lock of q; 1: a new HEAD
    chained: bit = 0
    t = T[q]
    if t and t != p:
        chained = set_link(t, p)
    if not chained:
        H[v][l] = p
    T[q] = p
    on[p] = q + 1
    return not chained


@process(waits=True)
def raiser():                                         # evtchn_fifo_set_pending()
    while True:
        p = choose(r for r in queued if left[r] > 0)
        left[p] -= 1
        E[p].pending = 1
        if not E[p].linked:
            v = target[p] if vcpus > 1 else 0
            l = priority[p] if priorities > 1 else 0
            link(p, v, l)
        emit("raised", p)


def link(p, v: vcpu, l: level):
    q: queue = v * priorities + l
    fresh: bit = 0
    if fixed:
        old = last[p]
        acquire(queue_lock[old])
        if test_and_set(E[p].linked):
            release(queue_lock[old])
            return
        if T[old] == p:
            T[old] = 0
        if old != q:
            last[p] = q
            release(queue_lock[old])
            acquire(queue_lock[q])
        fresh = append(p, v, l, q)
        release(queue_lock[q])
    else:
        if test_and_set(E[p].linked):
            return
        with queue_lock[q]:
            fresh = append(p, v, l, q)
    if fresh:
        if not test_and_set(ready[v][l]):
            upcall[v] = 1


@process(waits=True)
def mover():                                          # EVTCHNOP_bind_vcpu, EVTCHNOP_set_priority
    while True:
        p = choose(r for r in queued if moves_left > 0)
        moves_left -= 1
        if vcpus > 1:
            target[p] = 1
        if priorities > 1:
            priority[p] = 1
        mark("an event is moved")


# ---- the guest ----


@process(vcpus, waits=True)
def consumer(me):
    while True:
        await exchange(upcall[me], 0)
        todo = exchange(ready[me], 0)
        while todo:
            l: level = lowest(todo)
            p: port = mine[me][l]
            mine[me][l] = 0
            if p == 0:
                p = H[me][l]
            consume(me, l, p)
            if mine[me][l] == 0:
                todo &= ~(1 << l)
            todo |= exchange(ready[me], 0)


def consume(me: vcpu, l: level, p: port):
    w = E[p]
    assert on[p] == 0 or on[p] == me * priorities + l + 1, "own_queue: an event is taken from the queue on which Xen has put it"
    while True:
        seen = cmpxchg(E[p], w, replace(w, linked=0, link=0))
        if seen == w:
            break
        w = seen
    on[p] = 0
    mine[me][l] = w.link
    if E[p].pending:
        clear_bit(E[p].pending)
        emit("handled", p)
        mark("an event is handled")


@at_rest
def no_event_lost():
    """At rest no event is pending: each was handled."""
    return not any(E[p].pending for p in queued)


comes_to_rest = True
