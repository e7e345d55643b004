"""The final FIFO ABI as Xen 4.4 to 4.14 linked it: tested before the queue lock is taken.

The reference model F-44: other checkers have counted its states and transitions.
Sources: Xen 4.4, xen/common/event_fifo.c; Linux 6.12, drivers/xen/events/events_fifo.c.
"""

parameters = dict(ports=(2, 1, 8), raises=(1, 0, 3), raisers=(1, 0, 4), maskers=(0, 0, 3))

port = upto(ports)
queued = span(1, ports)
attempt = upto(3)


class Word:
    link: port
    busy: bit
    linked: bit
    masked: bit
    pending: bit


shared = dict(E=Word[port], H=port, ready=bit, upcall=bit)
xen = dict(T=port, queue_lock=lock)
ghost = dict(left=upto(raises)[queued], cycles=upto(maskers))
history = dict(turn=port[queued])


def start():
    for p in queued:
        left[p] = raises
    cycles = maskers


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
    set_bit(E[p].pending)                           # I, M7
    if E[p].masked:                                   # V2
        return
    if E[p].linked:                                   # V3
        return
    done: bit = 1
    with queue_lock:                                  # V4
        if not test_and_set(E[p].linked):             # V5
            enqueued(p)
            done = link(p)
    if not done:
        if not test_and_set(ready):                   # X12
            set_bit(upcall)                           # X13


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
        await exchange(upcall, 0)                     # C0
        if not exchange(ready, 0):                    # C1
            continue
        p: port = 0
        while True:
            if p == 0:
                p = H                                 # C2
            w = E[p]                                  # C3
            dequeued(p)
            while True:
                seen = cmpxchg(E[p], w, replace(w, linked=0, link=0))   # C4
                if seen == w:
                    break
                w = seen
            n = w.link
            if E[p].pending:                          # C5
                if not E[p].masked:                   # C6
                    handle(p)
            again = exchange(ready, 0)                # C8
            emit("consumed", p)
            p = n
            if p == 0 and not again:
                break


def handle(p):
    assert E[p].pending, "only_raised: an event that is handled was pending (P2)"
    clear_bit(E[p].pending)                         # C7
    emit("handled", p)
    mark("an event is handled")


@process(1 if maskers else 0, waits=True)
def masker():
    while True:
        p = choose(q for q in queued if cycles > 0)   # I
        cycles -= 1
        set_bit(E[p].masked)
        w = E[p]                                      # M1
        while True:
            seen = cmpxchg(E[p], replace(w, busy=0), replace(w, busy=0, masked=0))   # M2
            if seen == replace(w, busy=0):
                break
            w = seen
        if E[p].pending:                              # M3
            unmask(p)
        emit("unmasked", p)


def unmask(p):                                        # EVTCHNOP_unmask
    clear_bit(E[p].masked)                           # M4
    if E[p].pending:                                  # M5
        set_pending(p)


# ---- what an onlooker remembers: the place of each port in the queue, 0 for none ----


def enqueued(p):
    if turn[p] == 0:
        turn[p] = 1 + sum(turn[q] > 0 for q in queued)


def dequeued(p):
    assert turn[p] <= 1, "fifo_order: events are consumed in the order they were linked (P4)"
    for q in queued:
        if turn[p] > 0 and turn[q] > turn[p]:
            turn[q] -= 1
    turn[p] = 0


@at_rest
def no_event_lost():
    """At rest no event is pending and unmasked: each was handled (P1)."""
    return not any(E[p].pending and not E[p].masked for p in queued)


@always
def list_is_sound():
    """From HEAD the links lead to an end: no cycle, no port twice (P3)."""
    p = H
    for hop in queued:
        if p:
            p = E[p].link
    return p == 0


comes_to_rest = True
