"""The FIFO event queue of draft A (February 2013) repaired: its consumer
takes Xen's queue lock to empty the queue.

The reference model A-lock: other checkers have counted its states and transitions.
Source: "Scalable Event Channel ABI design (draft A)" as quoted in its review on xen-devel,
5 February 2013. `E[n]` in "not E[n].masked" is an acknowledged slip for `E[p]`.
When the upcall is sent is an assumption: the quoted part does not say.

With store buffers (--memory tso) it needs three fences, which the parameters drop one by one
(fence_pending=0, fence_masked=0, fence_linked=0): after pending:=1, after the guest's masked:=0 and
after the consumer's linked:=0. The mb() that draft A publishes, after link:=0 (published=1), is neither enough
nor needed. Under sc fences are no steps.
"""

parameters = dict(
    ports=(2, 1, 8), raises=(1, 0, 3), raisers=(1, 0, 4), maskers=(0, 0, 3),
    fence_pending=(1, 0, 1), fence_masked=(1, 0, 1), fence_linked=(1, 0, 1), published=(0, 0, 1),
)

port = upto(ports)
queued = span(1, ports)


class Word:
    link: port
    linked: bit
    masked: bit
    pending: bit


shared = dict(E=Word[port], H=port, upcall=bit)
xen = dict(T=port, queue_lock=lock)
ghost = dict(left=upto(raises)[queued], cycles=upto(maskers))
history = dict(turn=port[queued])


def start():
    for p in queued:
        left[p] = raises
    cycles = maskers


# ---- Xen ----


def raise_event(p):
    first: bit = 0
    with queue_lock:                                  # I
        E[p].pending = 1                              # R1
        if fence_pending:
            mb()
        if not E[p].linked and not E[p].masked:       # R2, R3
            first = link(p)
    if first:
        upcall = 1                                    # R9


def link(p):
    E[p].linked = 1                                   # R4
    enqueued(p)
    E[p].link = 0                                     # R5
    if published:
        mb()
    was_empty: bit = 0
    if H == 0:                                        # R6
        H = p                                         # R7a
        was_empty = 1
    else:
        E[peek(T)].link = p                           # R7b; T is Xen's own, under the lock
    T = p                                             # R8
    return was_empty


def unmask(p):                                        # EVTCHNOP_unmask
    first: bit = 0
    with queue_lock:                                  # M6
        if E[p].pending and not E[p].linked:          # M7, R2
            first = link(p)
    if first:
        upcall = 1                                    # R9


@process(raisers, waits=True)
def raiser():
    while True:
        p = choose(q for q in queued if left[q] > 0)
        left[p] -= 1
        raise_event(p)
        emit("raised", p)


# ---- the guest ----


@process(waits=True)
def consumer():
    while True:
        await exchange(upcall, 0)                     # C0
        while True:
            p = H                                     # C1: while H != 0: p = H
            if p == 0:
                break
            l = E[p].link                             # C2
            dequeued(p)
            if l:
                H = l                                 # C3
                E[p].linked = 0                       # C8
                if fence_linked:
                    mb()
            else:
                with queue_lock:
                    H = E[p].link
                    E[p].linked = 0
            if not E[p].pending:                      # C9p
                continue
            if not E[p].masked:                       # C9
                handle(p)


def handle(p):
    assert E[p].pending, "only_raised: an event that is handled was pending (P2)"
    E[p].pending = 0                                  # C10
    emit("handled", p)
    mark("an event is handled")


@process(1 if maskers else 0, waits=True)
def masker():
    while True:
        p = choose(q for q in queued if cycles > 0)   # I
        cycles -= 1
        E[p].masked = 1
        E[p].masked = 0                               # M1
        if fence_masked:
            mb()
        if E[p].pending:                              # M3
            unmask(p)
        emit("unmasked", p)


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
