"""The 2-level event-channel ABI, with Linux's scan.

Xen: xen/common/event_2l.c (master c447b7308b13). Linux: drivers/xen/events/events_2l.c (6.12).
The function that a line answers to is named beside it. The host model and the replayer take
host=1 with word_bits=64 and words=64, as a 64-bit guest has (32 and 32 for a 32-bit one).
"""

parameters = dict(
    words=(1, 1, 64),
    word_bits=(2, 1, 64),
    vcpus=(1, 1, 64),
    raises=(1, 0, 7),  # of each port, by all raisers together
    raisers=(1, 0, 60),
    maskers=(0, 0, 16),
    masks=(1, 0, 7),
    hvm=(0, 0, 1),
    host=(0, 0, 1),
)

ports = words * word_bits - 1
port = upto(ports)
used = span(1, ports) if ports > 0 else span(0, 0)  # port 0 is never valid
vcpu = upto(vcpus - 1)
word = upto(words - 1)
place = upto(word_bits - 1)  # of a bit in its word
row = bits(word_bits)
budget = span(1, 1) if host else used
ALL = (1 << word_bits) - 1

shared = dict(
    pending=row[word],  # shared_info: evtchn_pending[]
    mask=row[word],  # shared_info: evtchn_mask[]
    selector=bits(words)[vcpu],  # vcpu_info: evtchn_pending_sel
    upcall=bit[vcpu],  # vcpu_info: evtchn_upcall_pending
)
xen = dict(
    target=vcpu[port],  # evtchn: notify_vcpu_id
)
ghost = dict(
    cpu_mask=row[vcpu][word],  # Linux's cpu_evtchn_mask: the ports bound to a VCPU
    current_word=word[vcpu],  # where Linux's next scan starts: word and bit
    current_bit=place[vcpu],
    bound=bit[port],  # the guest has a handler for the port
    late=bit,  # its handlers end interrupts late: masked until then
    is_hvm=bit,
    left=upto(raises)[budget],
    masks_left=upto(masks),
)


def start():
    is_hvm = hvm
    masks_left = masks
    for w in word:
        cpu_mask[0][w] = ALL if host == 0 else 0
    if host == 0:
        for p in used:
            left[p] = raises


# ---- Xen ---------------------------------------------------------------------------------------


def set_pending(p: port, v: vcpu):  # evtchn_2l_set_pending()
    w: word = p // word_bits
    b: place = p % word_bits
    if test_and_set(pending[w][b]):
        return
    if not mask[w][b]:
        select(v, w)
    if host:
        emit("pollers", p)  # evtchn_check_pollers()


def select(v: vcpu, w: word):
    if not test_and_set(selector[v][w]):
        emit("mark", v)  # vcpu_mark_events_pending()
        if not test_and_set(upcall[v]):
            emit("kick", v)


def unmask(p: port, v: vcpu):  # evtchn_2l_unmask(), for EVTCHNOP_unmask
    w: word = p // word_bits
    b: place = p % word_bits
    if test_and_clear(mask[w][b]):
        if pending[w][b]:
            select(v, w)


def clear_pending(p: port):  # evtchn_2l_clear_pending(), when a port is closed
    clear_bit(pending[p // word_bits][p % word_bits])


def target_of(p: port) -> vcpu:
    if vcpus == 1:
        return 0
    return target[p]


# ---- Linux -------------------------------------------------------------------------------------


def guest_mask(p: port):  # evtchn_2l_mask()
    set_bit(mask[p // word_bits][p % word_bits])


def guest_unmask(p: port, cpu: vcpu):  # evtchn_2l_unmask(), on `cpu`
    w: word = p // word_bits
    b: place = p % word_bits
    waiting: bit = 0
    if cpu_mask[cpu][w][b]:  # cpu == cpu_from_evtchn(port)
        clear_bit(mask[w][b])
        waiting = pending[w][b]
        if not (waiting and is_hvm):
            if waiting:
                if not test_and_set(selector[cpu][w]):
                    upcall[cpu] = 1
            return
        set_bit(mask[w][b])  # the hypercall acts only if the mask bit was set
    emit("hypercall", p)
    if host == 0:
        mark("an unmask needs a hypercall")
        v = target_of(p)
        unmask(p, v)


def guest_clear(p: port):  # evtchn_2l_clear_pending()
    clear_bit(pending[p // word_bits][p % word_bits])


def guest_set(p: port):  # evtchn_2l_set_pending()
    set_bit(pending[p // word_bits][p % word_bits])


def is_masked(p: port) -> bit:  # evtchn_2l_is_masked(), for a rebind
    return mask[p // word_bits][p % word_bits]


def handle_upcall(v: vcpu):  # __xen_evtchn_do_upcall()
    again: bit = 1
    while again:
        upcall[v] = 0
        handle_events(v)
        again = upcall[v]


def handle_events(v: vcpu):  # evtchn_2l_handle_events()
    todo = exchange(selector[v], 0)
    first = current_word[v]
    first_bit = current_bit[v]
    w: word = first
    begun: bit = 0  # not the first round of the scan any more
    while todo:
        rest: bits(words) = todo & ~((1 << w) - 1)  # MASK_LSBS(pending_words, word_idx)
        if rest == 0:  # wrap around
            w = 0
            begun = 1
            rest = todo
        w = lowest(rest)
        found: row = active(v, w)
        b: place = 0
        if w == first and not begun:
            b = first_bit  # the word it starts in is scanned in two parts
        while True:
            ahead: row = found & ~((1 << b) - 1)  # MASK_LSBS(pending_bits, bit_idx)
            if ahead == 0:
                break
            b = lowest(ahead)
            handle_irq_for_port(w * word_bits + b)
            if host:
                step()  # a handler takes as long as it likes, and stands here
            b = (b + 1) % word_bits
            current_word[v] = w if b else (w + 1) % words
            current_bit[v] = b
            if b == 0:
                break
        if w != first or begun:
            todo &= ~(1 << w)
        begun = 1
        w = (w + 1) % words


def active(v: vcpu, w: word) -> row:  # active_evtchns()
    set_here = pending[w]
    masked = mask[w]
    return set_here & cpu_mask[v][w] & ~masked


def handle_irq_for_port(p: port):
    if host:
        if not bound[p]:
            emit("spurious", p)
        else:
            if late:
                set_bit(mask[p // word_bits][p % word_bits])
            clear_bit(pending[p // word_bits][p % word_bits])
            emit("handled", p)
    else:
        was = test_and_clear(pending[p // word_bits][p % word_bits])  # the acknowledgement
        assert was, "handled only when raised: an event is handled only while it is pending"
        emit("handled", p)
        mark("an event is handled")


@process(raisers, waits=True)
def raiser():
    while True:
        p = choose(q for q in used if left[q] > 0)
        left[p] -= 1
        v = target_of(p)
        set_pending(p, v)


@process(vcpus, waits=True)
def consumer(me):
    while True:
        await exchange(upcall[me], 0)
        handle_events(me)


@process(maskers, waits=True)
def masker():
    while True:
        p = choose(q for q in used if masks_left > 0)
        masks_left -= 1
        guest_mask(p)
        guest_unmask(p, 0)


@at_rest
def no_event_lost():
    """Once nothing moves, every event that is pending is masked: all others have been handled."""
    return all(not (pending[p // word_bits][p % word_bits] and not mask[p // word_bits][p % word_bits]) for p in used)


comes_to_rest = True
