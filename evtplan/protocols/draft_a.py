"""The FIFO event queue of draft A (February 2013): raising, consuming and unmasking.

Source: "Scalable Event Channel ABI design (draft A)" as quoted and discussed in its review on
xen-devel, 5 February 2013; the comment beside a line has the quoted line that it answers to.

- `E[n]` in "not E[n].masked" is an acknowledged slip for `E[p]` ("I presume E[n] is E[p]?" "Yes.").
- `repaired=0` keeps `E[H].linked = 0` as published; `repaired=1` clears `E[p].linked` instead;
  `repaired=2` also takes Xen's queue lock to empty the queue, and fences: then no event is lost.
- When the upcall is sent is an assumption (for the first event of an empty queue): the quoted
  part does not say.
"""

parameters = dict(
    ports=(1, 1, 8), raises=(2, 0, 3), raisers=(1, 0, 4), maskers=(0, 0, 3), repaired=(0, 0, 2),
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


# ---- Xen: "Raising an Event" ----


def raise_event(p):
    first: bit = 0
    with queue_lock:                         # "must be protected by a per-event queue spin lock"
        E[p].pending = 1                     # E[p].pending = 1
        if repaired == 2:
            fence()
        if not E[p].linked and not E[p].masked:   # if not E[p].linked and not E[n].masked
            first = link(p)
    if first:
        upcall = 1                           # assumed


def link(p):
    was_empty: bit = 0
    E[p].linked = 1                          #     E[p].linked = 1
    enqueued(p)
    E[p].link = 0                            #     E[p].link = 0
    mb()                                     #     mb()
    if H == 0:                               #     if H == 0
        H = p                                #         H = p
        was_empty = 1
    else:
        mark("an event is appended to a queue that is not empty")
        E[peek(T)].link = p                  #     else E[T].link = p; only Xen reads T, under the lock
    T = p                                    #     T = p
    return was_empty


def unmask(p):                               # hypercall(EVTCHN_unmask)
    first: bit = 0
    with queue_lock:                         # "Xen will need to take the per-queue lock for this"
        if E[p].pending and not E[p].linked:
            first = link(p)
    if first:
        upcall = 1


@process(raisers, waits=True)
def raiser():
    while True:
        p = choose(q for q in queued if left[q] > 0)
        left[p] -= 1
        raise_event(p)
        emit("raised", p)


# ---- the guest: "Consuming Events" ----


@process(waits=True)
def consumer():
    while True:
        await exchange(upcall, 0)
        while True:
            p = H                            # while H != 0: p = H
            if p == 0:
                break
            l = E[p].link                    #     H = E[p].link: the load,
            dequeued(p)
            if repaired < 2:
                H = l                        #     … and the store
                if H == 0:                   #     if H == 0
                    mb()                     #         mb()
                    H = E[p].link            #         H = E[p].link
                if repaired:
                    E[p].linked = 0          #     what E[H].linked = 0 was meant to be
                else:
                    E[H].linked = 0          #     E[H].linked = 0
            else:
                empty_or_advance(p, l)
                if not E[p].pending:
                    continue
            if not E[p].masked:              #     if not E[p].masked
                handle(p)                    #         handle(p)


def empty_or_advance(p, l):
    if l:
        H = l
        E[p].linked = 0
        fence()
    else:                                    # the last one: Xen may be appending to it just now
        with queue_lock:
            H = E[p].link
            E[p].linked = 0


def handle(p):
    assert E[p].pending, "only_raised: an event that is handled was pending"
    E[p].pending = 0                         # handle() clears E[p].pending
    emit("handled", p)
    mark("an event is handled")


# ---- the guest: "Unmasking Events" ----


@process(1 if maskers else 0, waits=True)
def masker():
    while True:
        p = choose(q for q in queued if cycles > 0)
        cycles -= 1
        E[p].masked = 1
        E[p].masked = 0                      # E[p].masked = 0
        if repaired == 2:
            fence()
        if E[p].pending:                     # if E[p].pending
            emit("hypercall", p)
            unmask(p)                        #     hypercall(EVTCHN_unmask)
        emit("unmasked", p)


# ---- what an onlooker remembers: the place of each port in the queue, 0 for none ----


def enqueued(p):
    if turn[p] == 0:
        turn[p] = 1 + sum(turn[q] > 0 for q in queued)


def dequeued(p):
    assert turn[p] <= 1, "fifo_order: events are consumed in the order they were linked"
    for q in queued:
        if turn[p] > 0 and turn[q] > turn[p]:
            turn[q] -= 1
    turn[p] = 0


@at_rest
def no_event_lost():
    """At rest no event is pending and unmasked: each was handled."""
    return not any(E[p].pending and not E[p].masked for p in queued)


@always
def list_is_sound():
    """From HEAD the links lead to an end: no cycle, no port twice."""
    p = H
    for hop in queued:
        if p:
            p = E[p].link
    return p == 0


comes_to_rest = True
