"""A closed port that is still LINKED is used again (Xen 78e24c269b; Linux fcdf31a7c162).

Closing clears PENDING and leaves the port on its queue. As the code stood (`fixed=0`) the port
could be allocated at once, and its new owner starts from a clean word: the link to what stands
behind it is gone. `fixed=1`: a port that is still LINKED is busy, and is not allocated.
"""

parameters = dict(fixed=(0, 0, 1))

FIRST = 1
SECOND = 2
port = upto(2)


class Word:
    link: port
    linked: bit
    pending: bit


shared = dict(E=Word[port], H=port, upcall=bit)
ghost = dict(done=bit[port])


def start():  # both events stand on the queue
    H = FIRST
    E[FIRST].link = SECOND
    E[FIRST].linked = 1
    E[FIRST].pending = 1
    E[SECOND].linked = 1
    E[SECOND].pending = 1
    upcall = 1


@process(waits=True)
def toolstack():
    clear_bit(E[FIRST].pending)  # EVTCHNOP_close
    if fixed:
        await E[FIRST].linked == 0  # evtchn_fifo_is_busy()
    E[FIRST] = 0
    mark("the port is used again")


@process(waits=True)
def consumer():
    await exchange(upcall, 0)
    p = H
    while p:
        w = E[p]
        while True:
            seen = cmpxchg(E[p], w, replace(w, linked=0, link=0))
            if seen == w:
                break
            w = seen
        if test_and_clear(E[p].pending):
            done[p] = 1
            mark("an event is handled")
        p = w.link


@at_rest
def second_is_handled():
    """The event that stood behind the closed port is handled."""
    return done[SECOND]
