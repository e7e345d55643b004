"""The 3-level event-channel ABI that was proposed beside draft A, and never merged.

Source: Wei Liu's series "Implement 3-level event channel" (xen-devel, December 2012 to March
2013): the 2-level bitmaps grow by one level, so that a word holds which words of the second-level
selector have anything set. No text of its code could be read: the lines follow the 2-level code's
order (event_2l.c, events_2l.c; the function is named beside a line) with one level more, as
its description says; what the second level does in a race is this text's reading of it.
"""

parameters = dict(
    groups=(1, 1, 64),       # words of the second-level selector
    words=(2, 1, 64),        # words of pending bits in a group
    word_bits=(2, 1, 64),
    raises=(1, 0, 3),
    raisers=(1, 0, 4),
    maskers=(0, 0, 2),
    masks=(1, 0, 3),
)

ports = groups * words * word_bits - 1
port = upto(ports)
used = span(1, ports) if ports > 0 else span(0, 0)   # port 0 is never valid
word = upto(groups * words - 1)
group = upto(groups - 1)
member = upto(words - 1)
place = upto(word_bits - 1)

shared = dict(
    pending=bits(word_bits)[word],
    mask=bits(word_bits)[word],
    second=bits(words)[group],       # second-level selector: which words have anything pending
    first=bits(groups),              # first-level selector, in vcpu_info
    upcall=bit,                      # vcpu_info: evtchn_upcall_pending
)
ghost = dict(left=upto(raises)[used], masks_left=upto(masks))


def start():
    for p in used:
        left[p] = raises
    masks_left = masks


# ---- Xen ----


def set_pending(p: port):                                # evtchn_2l_set_pending()
    w: word = p // word_bits
    b: place = p % word_bits
    if test_and_set(pending[w][b]):
        return
    if not mask[w][b]:
        select(w)


def select(w: word):                                     # the lowest level first
    g: group = w // words
    m: member = w % words
    if not test_and_set(second[g][m]):
        if not test_and_set(first[g]):
            if not test_and_set(upcall):                 # vcpu_mark_events_pending()
                emit("kick", 0)


def unmask(p: port):                                     # evtchn_2l_unmask()
    w: word = p // word_bits
    b: place = p % word_bits
    if test_and_clear(mask[w][b]):
        if pending[w][b]:
            select(w)


@process(raisers, waits=True)
def raiser():
    while True:
        p = choose(q for q in used if left[q] > 0)
        left[p] -= 1
        set_pending(p)


# ---- the guest ----


@process(waits=True)
def consumer():                                          # evtchn_2l_handle_events()
    while True:
        await exchange(upcall, 0)
        todo = exchange(first, 0)
        while todo:
            g: group = lowest(todo)
            rest = exchange(second[g], 0)
            while rest:
                m: member = lowest(rest)
                w: word = g * words + m
                scan(w)
                rest &= rest - 1
            todo &= todo - 1


def scan(w: word):
    set_here = pending[w]
    masked = mask[w]                                     # active_evtchns()
    here: bits(word_bits) = set_here & ~masked & ((1 << word_bits) - 1)
    while here:
        b: place = lowest(here)
        handle(w, b)
        here &= here - 1


def handle(w: word, b: place):
    was = test_and_clear(pending[w][b])                  # the acknowledgement
    assert was, "only_raised: an event that is handled was pending"
    emit("handled", w * word_bits + b)
    mark("an event is handled")


@process(maskers, waits=True)
def masker():
    while True:
        p = choose(q for q in used if masks_left > 0)
        masks_left -= 1
        w: word = p // word_bits
        b: place = p % word_bits
        set_bit(mask[w][b])
        mark("a port is masked")
        emit("hypercall", p)
        unmask(p)


@at_rest
def no_event_lost():
    """At rest no event is pending and unmasked: each was handled."""
    return not any(
        pending[p // word_bits][p % word_bits] and not mask[p // word_bits][p % word_bits]
        for p in used
    )


comes_to_rest = True
