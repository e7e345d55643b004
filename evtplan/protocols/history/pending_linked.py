"""A wake-up is lost between PENDING and LINKED (Xen 71ac522909, 4.15).

Two CPUs raise the same event, or one raises it and one unmasks it, for a VCPU that waits in a poll
with upcalls off. Before (`fixed=0`, the queue of examples/protocols/f_44.py) the CPU that sets PENDING
may find that the other has set LINKED, and wakes the VCPU before the other has put the event on the
queue; the other found PENDING set, and wakes nobody. The VCPU finds its queue empty and waits for
ever. `fixed=1`: PENDING is set under the queue lock. That the woken VCPU looks at its queue, not at
PENDING, and polls again, is our reading of the commit's "lost wake-up".
"""

parameters = dict(ports=(1, 1, 4), raises=(2, 0, 3), raisers=(2, 0, 4), fixed=(0, 0, 1))

port = upto(ports)
queued = span(1, ports)
attempt = upto(3)


class Word:
    link: port
    busy: bit
    linked: bit
    masked: bit
    pending: bit


shared = dict(E=Word[port], H=port, ready=bit)
xen = dict(T=port, queue_lock=lock, wake=bit)
ghost = dict(left=upto(raises)[queued])


def start():
    for p in queued:
        left[p] = raises


# ---- Xen ----


def set_link(t, p):                                   # evtchn_fifo_set_link()
    w = E[t]                                          # X6
    if not w.linked:
        return False
    seen = cmpxchg(E[t], w, replace(w, busy=0, link=p))   # X7
    if seen == w:
        return True
    set_bit(E[t].busy)                                # X8
    w = E[t]                                          # X8b
    tries: attempt = 0
    while w.linked:
        seen = cmpxchg(E[t], w, replace(w, busy=0, link=p))   # X8c
        if seen == w:
            return True
        if tries == 3:
            clear_bit(E[t].busy)                      # X8e
            return True
        w = seen
        tries += 1
    clear_bit(E[t].busy)                              # X8d
    return False


def set_pending(p):                                   # evtchn_fifo_set_pending()
    was: bit = 0
    chained: bit = 1
    if fixed:
        with queue_lock:
            was = test_and_set(E[p].pending)
            if not test_and_set(E[p].linked):
                chained = link(p)
    else:
        was = test_and_set(E[p].pending)
        if not E[p].linked:
            with queue_lock:
                if not test_and_set(E[p].linked):
                    chained = link(p)
    if not chained:
        set_bit(ready)
    if not was:
        wake = 1                                      # evtchn_check_pollers()
        mark("a poller is woken")


def link(p):
    chained: bit = 0
    if T == p:                                        # X4
        T = 0                                         # X4b
    t = T                                             # X5
    if t:
        chained = set_link(t, p)
    if not chained:
        H = p                                         # X9
    T = p                                             # X10
    return chained


@process(raisers, waits=True)
def raiser():
    while True:
        p = choose(q for q in queued if left[q] > 0)  # I
        left[p] -= 1
        set_pending(p)
        emit("raised", p)


# ---- the guest ----


@process(waits=True)
def consumer():
    while True:
        await exchange(wake, 0)                       # SCHEDOP_poll, with upcalls off
        if not exchange(ready, 0):                    # C1
            continue
        p: port = 0
        while True:
            if p == 0:
                p = H                                 # C2
            w = E[p]                                  # C3
            while True:
                seen = cmpxchg(E[p], w, replace(w, linked=0, link=0))   # C4
                if seen == w:
                    break
                w = seen
            n = w.link
            if E[p].pending:                          # C5
                handle(p)
            again = exchange(ready, 0)                # C8
            emit("consumed", p)
            p = n
            if p == 0 and not again:
                break


def handle(p):
    assert E[p].pending, "only_raised: an event that is handled was pending (P2)"
    E[p].pending = 0                                  # C7
    emit("handled", p)
    mark("an event is handled")


@at_rest
def no_event_lost():
    """At rest no event is pending: each was handled, and no wake-up was lost (P1)."""
    return not any(E[p].pending for p in queued)


@always
def list_is_sound():
    """From HEAD the links lead to an end: no cycle, no port twice (P3)."""
    p = H
    for hop in queued:
        if p:
            p = E[p].link
    return p == 0


comes_to_rest = True
