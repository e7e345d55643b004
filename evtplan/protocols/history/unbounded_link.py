"""Xen's link loop without a bound (Xen dae2a1c5f9, November 2013; draft H's BUSY bit).

Linking writes the tail's word, which the guest may write too. As the code stood (`fixed=0`) Xen
tried until its cmpxchg succeeded: a guest that masks and unmasks the tail without end keeps another
domain's CPU there without end. `fixed=1`: after the first failure BUSY is set, and Xen gives up
after four more tries.
"""

parameters = dict(fixed=(0, 0, 1))

BOUND = 5


class Word:
    link: bit
    busy: bit
    linked: bit
    masked: bit


shared = dict(tail=Word)
ghost = dict(tried=upto(BOUND + 1))


def start():
    tail.linked = 1


@process()
def linker():
    w = tail
    busy: bit = 0
    tries: upto(4) = 0
    while w.linked:
        tried = min(tried + 1, BOUND + 1)
        assert tried <= BOUND, "bounded: Xen tries at most five times, whatever the guest does"
        seen = cmpxchg(tail, w, replace(w, busy=0, link=1))
        if seen == w:
            mark("the event is chained")
            break
        if fixed and busy and tries == 3:
            clear_bit(tail.busy)
            mark("Xen gives up")
            break
        if fixed and not busy:
            set_bit(tail.busy)
            busy = 1
            w = tail
        else:
            if fixed:
                tries += 1
            w = seen


@process(waits=True)
def guest():
    while True:
        set_bit(tail.masked)
        clear_bit(tail.masked)
