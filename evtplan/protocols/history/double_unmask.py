"""An event is unmasked twice (XSA-332; Linux f01337197419, 5.10).

Before (`fixed=0`) the guest cleared MASKED itself, and if the event was PENDING made the unmask
hypercall, which clears MASKED again. In between the event can be delivered, and its handler mask it
until it has been dealt with: the second unmask lets the event storm in. `fixed=1`: the guest clears
MASKED itself only if the event is not PENDING, otherwise the hypercall alone does.
"""

parameters = dict(fixed=(0, 0, 1))


class Word:
    masked: bit
    pending: bit


shared = dict(E=Word, upcall=bit)
ghost = dict(busy=bit)


def start():
    E.masked = 1


@process()
def raiser():
    set_bit(E.pending)
    if not E.masked:
        upcall = 1


@process()
def unmasker():
    call: bit = 0
    if fixed:
        w = E
        while not w.pending:
            seen = cmpxchg(E, w, replace(w, masked=0))
            if seen == w:
                break
            w = seen
        call = w.pending
    else:
        clear_bit(E.masked)
        if E.pending:
            call = 1
    if call:
        clear_bit(E.masked)  # EVTCHNOP_unmask
        assert not busy, "masked_while_handled: nobody unmasks an event while its handler has it masked"
        mark("an unmask hypercall is made")
        if E.pending:
            upcall = 1


@process(waits=True)
def consumer():
    while True:
        await exchange(upcall, 0)
        w = E
        if w.pending and not w.masked:
            set_bit(E.masked)
            busy = 1
            clear_bit(E.pending)
            busy = 0
            mark("an event is handled")
            clear_bit(E.masked)
