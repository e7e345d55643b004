"""A closed port that is still LINKED is used again (Xen 78e24c269b, 4.7; Linux fcdf31a7c162).

VCPU 0 goes offline with an event on its queue, and the guest closes the event's port. Closing clears
PENDING and leaves the port LINKED. As the code stood (`fixed=0`) the port could be allocated again at
once, now for VCPU 1: its new events find it LINKED, are put on no queue, and are lost. `fixed=1`:
Xen holds a port that is still LINKED for busy and allocates another; this one stays busy. With
`drains=1` the guest has Linux's repair: it empties the offline VCPU's queue before it closes the port.
No queue here ever holds two events, so that Xen's tail is left out.
"""

parameters = dict(fixed=(0, 0, 1), drains=(0, 0, 1))

OLD = 1
SPARE = 2
port = upto(2)
vcpu = upto(1)


class Word:
    linked: bit
    pending: bit


shared = dict(E=Word[port], H=port[vcpu], ready=bit[vcpu], upcall=bit[vcpu])
xen = dict(event_lock=lock, target=vcpu[port])
ghost = dict(running=bit, offline=bit, closed=bit)


# ---- Xen ----


def set_pending(p):                                   # with the event lock
    v = target[p]
    set_bit(E[p].pending)
    if not test_and_set(E[p].linked):
        H[v] = p
        if not test_and_set(ready[v]):
            upcall[v] = 1
    else:
        mark("an event is raised that is LINKED already")


def allocate() -> port:
    p: port = OLD
    if fixed:
        if E[OLD].linked:                             # evtchn_fifo_is_busy()
            p = SPARE
            mark("the closed port is busy, and another is allocated")
    target[p] = 1
    return p


@process()
def old_peer():
    with event_lock:
        if not closed:
            set_pending(OLD)


# ---- the guest ----


@process(waits=True)
def guest():
    await running == 0
    offline = 1                                       # VCPU 0
    if drains:
        drain()
    p: port = 0
    with event_lock:                                  # EVTCHNOP_close
        clear_bit(E[OLD].pending)
        closed = 1
    if drains:
        drain()
    with event_lock:                                  # EVTCHNOP_alloc_unbound, for VCPU 1
        p = allocate()
    with event_lock:                                  # the new peer raises it
        set_pending(p)
        mark("the new event is raised")


def drain():
    if exchange(ready[0], 0):
        p = H[0]
        clear_bit(E[p].linked)                        # dropped, not handled


@process(2, waits=True)
def consumer(me):
    while True:
        await exchange(upcall[me], 0)
        if me == 0 and offline:
            break
        if me == 0:
            running = 1
        while exchange(ready[me], 0):
            p = H[me]
            clear_bit(E[p].linked)
            if test_and_clear(E[p].pending):
                mark("an event is handled")
        if me == 0:
            running = 0


@at_rest
def no_event_lost():
    """At rest no event of an open port is pending: the new owner's event is handled."""
    return not ((E[OLD].pending and closed) or E[SPARE].pending)
