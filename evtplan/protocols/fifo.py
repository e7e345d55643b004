"""The FIFO event-channel ABI as Xen 4.4 and newer have it, with Linux's consumer.

Xen: xen/common/event_fifo.c (master c447b7308b13; `xen_release=404` is RELEASE-4.4.0). Linux:
drivers/xen/events/events_fifo.c (6.12; `linux_release=314` is as first merged). The function that
a line answers to is named beside it. One text for every reader: the explorer takes small
parameters; the host model and the replayer take host=1, ports=131071, reserved_bits=11 and
priorities=16, and then the event word is Xen's 32-bit word bit for bit. With host=0 what needs a
host's life (missing array pages and control blocks, unbound ports, pollers) folds away. With one
queue and linux_release=314 its steps are those of the reference models F-head and F-44.
"""

parameters = dict(
    ports=(2, 1, 131071),
    reserved_bits=(1, 1, 11),  # above LINK: bits 17 to 27 of Xen's word, which nobody may touch
    vcpus=(1, 1, 64),
    priorities=(1, 1, 16),
    raises=(1, 0, 7),  # of each port, by all raisers together
    raisers=(1, 0, 60),
    maskers=(0, 0, 16),
    masks=(1, 0, 7),  # mask and unmask cycles, by all maskers together
    movers=(0, 0, 1),  # binds ports to other VCPUs and gives them other priorities
    moves=(1, 0, 7),
    xen_release=(423, 404, 423),
    linux_release=(612, 314, 612),
    host=(0, 0, 1),
)

queues = vcpus * priorities
port = upto(ports)
queued = span(1, ports)
vcpu = upto(vcpus - 1)
level = upto(priorities - 1)
queue = upto(queues - 1)
anything = bits(32) if host else port  # what a guest may write where a port should stand
budget = span(1, 1) if host else queued  # budgets belong to scenarios: a host has none

NO_BLOCK = 1  # "%pv has no FIFO event channel control block"
LOST = 2  # "port %u lost event (too many queue changes)"
NOT_LINKED = 3  # "port %d not linked"


class Word:  # event_word_t: public/event_channel.h
    link: port
    reserved: bits(reserved_bits)
    busy: bit
    linked: bit
    masked: bit
    pending: bit


shared = dict(
    E=Word[port],  # the event array
    ready=bits(32 if host else priorities)[vcpu],  # evtchn_fifo_control_block: ready
    head=anything[vcpu][level],  # evtchn_fifo_control_block: head[]
    upcall=bit[vcpu],  # vcpu_info: evtchn_upcall_pending
)
xen = dict(
    T=port[queue],  # evtchn_fifo_queue: tail
    L=lock[queue],  # evtchn_fifo_queue: lock
    lastq=queue[port],  # evtchn: fifo_lastq, the queue it was last linked on
    priority=level[port],  # evtchn: priority
    target=vcpu[port],  # evtchn: notify_vcpu_id
    saved=bit[port],  # evtchn: pending, raised while its array page was missing
    words=upto(ports + 1),  # evtchn_fifo_domain: num_evtchns
    block=bit[vcpu],  # evtchn_fifo_vcpu: control_block is mapped
)
ghost = dict(
    mine=port[vcpu][level],  # Linux's evtchn_fifo_queue: head[]; only its own VCPU sees it
    guest_words=upto(ports + 1),  # words in the pages the guest knows it has added
    guest_block=bit[vcpu],  # the guest has a control block for the VCPU
    bound=bit[port],  # the guest has a handler for the port
    late=bit,  # its handlers end interrupts late: masked until then
    left=upto(raises)[budget],
    masks_left=upto(masks),
    moves_left=upto(moves),
)
history = dict(
    on=upto(queues)[budget],  # the queue a port stands on, from 1; 0 for none
    behind=bit[budget][budget],  # behind[a][b]: b was put on the same queue before a
)


def start():
    if host == 0:
        for p in queued:
            left[p] = raises
    masks_left = masks
    moves_left = moves


# ---- Xen: raising ------------------------------------------------------------------------------


def set_pending(p: port, v: vcpu):  # evtchn_fifo_set_pending()
    if host:
        if p >= words:  # evtchn_fifo_word_from_port(): no such page yet
            saved[p] = 1  # evtchn->pending = true
            return
    if xen_release >= 415:
        set_pending_locked(p, v)
    else:
        set_pending_unlocked(p, v)


def set_pending_locked(p: port, v: vcpu):  # since 71ac522909 (4.15): locks before PENDING
    was: bit = 1
    l: level = 0
    q: queue = 0
    old: queue = 0
    tries: upto(3) = 0
    if queues == 1:
        acquire(L[0])  # I
    else:
        while True:
            if tries == 3:  # "too many queue changes": the event is dropped
                emit("log", LOST, p)
                if xen_release < 417:
                    was = test_and_set(E[p].pending)
                    check_pollers(p, was)
                return
            old = lastq[p]
            l = priority_of(p)
            q = v * priorities + l
            acquire(L[min(q, old)])  # in one order, whoever locks
            if q != old:
                acquire(L[max(q, old)])
            if lastq[p] == old and priority_of(p) == l:
                break
            if q != old:
                release(L[old])
            release(L[q])
            tries += 1
    if host:
        if xen_release < 417:  # before 8aa0e9d2d1 PENDING was set whether or not it can be queued
            was = test_and_set(E[p].pending)
        if not block[v]:  # no control block: the event is dropped
            emit("log", NO_BLOCK, v)
            if old != q:
                release(L[old])
            release(L[q])
            check_pollers(p, was)
            return
        if xen_release >= 417:
            was = test_and_set(E[p].pending)
    else:
        set_bit(E[p].pending)  # X1
    tell: bit = 0
    if not E[p].masked and not test_and_set(E[p].linked):  # X2, X3
        note_linked(p, q)
        if T[old] == p:  # X4: it was the tail: the old queue is empty now
            T[old] = 0  # X4b
        if old != q:
            lastq[p] = q
            release(L[old])
            old = q
        tell = append(p, v, l, q)
        if not tell:
            mark("an event is chained to a queue that is not empty")
    if old != q:
        release(L[old])
    release(L[q])  # XU
    if tell:
        tell_guest(v, l)
    check_pollers(p, was)


def set_pending_unlocked(p: port, v: vcpu):  # 4.4 to 4.14: PENDING first, without a lock
    was: bit = 1
    l: level = 0
    q: queue = 0
    old: queue = 0
    tries: upto(3) = 0
    if host:
        was = test_and_set(E[p].pending)
    else:
        set_bit(E[p].pending)
    if E[p].masked:  # V2
        check_pollers(p, was)
        return
    if E[p].linked:  # V3
        check_pollers(p, was)
        return
    if host:
        if not block[v]:
            if xen_release == 404:  # XSA-107: the missing block is dereferenced
                emit("crash", v)
                return
            emit("log", NO_BLOCK, v)
            check_pollers(p, was)
            return
    l = priority_of(p)
    q = v * priorities + l
    if queues == 1:
        acquire(L[0])  # V4
    else:
        while True:  # lock_old_queue()
            if tries == 3:
                emit("log", LOST, p)
                check_pollers(p, was)
                return
            old = lastq[p]
            acquire(L[old])
            if lastq[p] == old:
                break
            release(L[old])
            tries += 1
    tell: bit = 0
    if not test_and_set(E[p].linked):  # V5
        note_linked(p, q)
        if T[old] == p:
            T[old] = 0
        if old != q:
            lastq[p] = q
            release(L[old])
            acquire(L[q])
            old = q
        tell = append(p, v, l, q)
    release(L[old])
    if tell:
        tell_guest(v, l)
    check_pollers(p, was)


def append(p: port, v: vcpu, l: level, q: queue) -> bit:
    """Put p at the end of the queue; 1 where the queue was empty and the guest must be told."""
    linked: bit = 0
    t = T[q]  # X5
    if t != 0:
        linked = set_link(t, p)
    if not linked:
        head[v][l] = p  # X9: write_atomic(q->head, port)
    T[q] = p  # X10
    return not linked


def set_link(t: port, p: port) -> bit:  # evtchn_fifo_set_link()
    """Chain p to the tail t; 0 where t has left the queue."""
    w = E[t]  # X6
    if not w.linked:
        return 0
    seen = cmpxchg(E[t], w, replace(w, busy=0, link=p))  # X7: try_set_link()
    if seen == w:
        return 1
    mark("the guest changed the tail's word meanwhile")
    set_bit(E[t].busy)  # X8: now a guest must not unmask it
    w = E[t]  # X8b
    tries: upto(4) = 0
    while tries < 4:
        if not w.linked:
            clear_bit(E[t].busy)  # X8d
            return 0
        seen = cmpxchg(E[t], w, replace(w, busy=0, link=p))  # X8c
        if seen == w:
            return 1
        w = seen
        tries += 1
    emit("log", NOT_LINKED, p)
    clear_bit(E[t].busy)  # X8e: the guest misbehaves; its event is lost
    return 1


def tell_guest(v: vcpu, l: level):
    if not test_and_set(ready[v][l]):  # X12
        emit("mark", v)  # vcpu_mark_events_pending()
        if not test_and_set(upcall[v]):  # X13
            emit("kick", v)


def check_pollers(p: port, was: bit):
    if host and not was:
        emit("pollers", p)  # evtchn_check_pollers()


def priority_of(p: port) -> level:
    if priorities == 1:
        return 0
    return priority[p]


def target_of(p: port) -> vcpu:
    if vcpus == 1:
        return 0
    return target[p]


# ---- Xen: the other port operations ------------------------------------------------------------


def unmask(p: port, v: vcpu):  # evtchn_fifo_unmask(), for EVTCHNOP_unmask
    if host:
        if p >= words:
            return
    clear_bit(E[p].masked)  # M4
    if E[p].pending:  # M5
        set_pending(p, v)  # M6, M7


def clear_pending(p: port):  # evtchn_fifo_clear_pending(), when a port is closed
    if p < words:
        clear_bit(E[p].pending)


def is_linked(p: port) -> bit:  # evtchn_fifo_is_busy(): a closed port that is still on a queue
    if p < words:
        return E[p].linked
    return 0


# ---- Linux -------------------------------------------------------------------------------------


def guest_mask(p: port):  # evtchn_fifo_mask()
    if host and p >= guest_words:
        return
    set_bit(E[p].masked)


def guest_unmask(p: port):  # evtchn_fifo_unmask()
    if host and p >= guest_words:
        return
    w = E[p]  # M1
    while True:
        if linux_release >= 510:  # clear_masked_cond(), since f01337197419
            if not w.masked:
                return
            if w.pending:
                break
        seen = cmpxchg(E[p], replace(w, busy=0), replace(w, busy=0, masked=0))  # M2
        if seen == replace(w, busy=0):  # else Xen holds BUSY, or somebody was faster
            if linux_release >= 510:
                return
            if not E[p].pending:  # M3
                return
            break
        w = seen
    emit("hypercall", p)
    if host == 0:
        mark("an unmask needs a hypercall")
        v = target_of(p)
        unmask(p, v)


def guest_clear(p: port):  # evtchn_fifo_clear_pending()
    if host and p >= guest_words:
        return
    clear_bit(E[p].pending)


def guest_set(p: port):  # evtchn_fifo_set_pending()
    if host and p >= guest_words:
        return
    set_bit(E[p].pending)


def is_masked(p: port) -> bit:  # evtchn_fifo_is_masked(), for a rebind
    if host and p >= guest_words:
        return 0
    return E[p].masked


def handle_upcall(v: vcpu):  # __xen_evtchn_do_upcall()
    again: bit = 1
    while again:
        upcall[v] = 0
        if handle_events(v):
            return
        again = upcall[v]


def handle_events(v: vcpu) -> bit:  # __evtchn_fifo_handle_events(); 1: the guest has faulted
    if host and not guest_block[v]:
        emit("fault", v)
        return 1
    todo = exchange(ready[v], 0)  # C1
    while todo:
        l: upto(31 if host else priorities - 1) = lowest(todo)
        if host and l >= priorities:
            emit("fault", v)
            return 1
        p: anything = mine[v][l]
        if host == 0:
            mine[v][l] = 0  # nobody reads it again before it is set below
        if p == 0:
            p = head[v][l]  # C2
        if host and p >= guest_words:  # a link into a page that is not there
            emit("fault", v)
            return 1
        link = clear_linked(p)  # C3, C4
        note_unlinked(p)
        if link == 0:
            todo &= ~(1 << l)
        if E[p].pending and not E[p].masked:  # C5, C6
            handle_irq_for_port(p)
        if host:
            step()  # a handler takes as long as it likes, and stands here: `mine` is set after it
        mine[v][l] = link
        todo |= exchange(ready[v], 0)  # C8
        if host == 0:
            emit("consumed", p)
    return 0


def clear_linked(p: port) -> port:
    w = E[p]
    while True:
        seen = cmpxchg(E[p], w, replace(w, linked=0, link=0))
        if seen == w:
            return w.link
        w = seen


def handle_irq_for_port(p: port):
    if host:
        if not bound[p]:
            emit("spurious", p)
        else:
            if late:
                set_bit(E[p].masked)
            clear_bit(E[p].pending)
            emit("handled", p)
    else:
        was = test_and_clear(E[p].pending)  # C7: the acknowledgement
        if vcpus == 1:  # two VCPUs may both take an event of a port that is moved between them
            assert was, "handled only when raised: an event is handled only while it is PENDING"
        emit("handled", p)
        mark("an event is handled")


# ---- what the explorer follows ------------------------------------------------------------------


def note_linked(p: port, q: queue):
    if host == 0:
        for b in queued:
            behind[p][b] = on[b] == q + 1
        on[p] = q + 1


def note_unlinked(p: port):
    if host == 0:
        assert not any(behind[p][b] for b in queued), "in_order: events leave a queue in the order in which they came"
        on[p] = 0
        for b in queued:
            behind[b][p] = 0


@process(raisers, waits=True)
def raiser():
    while True:
        p = choose(q for q in queued if left[q] > 0)
        left[p] -= 1
        v = target_of(p)
        set_pending(p, v)
        emit("raised", p)


@process(vcpus, waits=True)
def consumer(me):
    while True:
        await exchange(upcall[me], 0)  # C0
        handle_events(me)


@process(maskers, waits=True)
def masker():
    while True:
        p = choose(q for q in queued if masks_left > 0)
        masks_left -= 1
        guest_mask(p)
        guest_unmask(p)
        emit("unmasked", p)


@process(movers, waits=True)
def mover():
    while True:
        p = choose(q for q in queued if moves_left > 0)
        moves_left -= 1
        if vcpus > 1:
            target[p] = choose(vcpu)
        if priorities > 1:
            priority[p] = choose(level)


@at_rest
def no_event_lost():
    """Once nothing moves, every event that is PENDING is masked: all others have been handled."""
    return all(not (E[p].pending and not E[p].masked) for p in queued)


@at_rest
def queues_are_empty():
    """Once nothing moves, no event stands on a queue."""
    return all(not E[p].linked for p in queued)


comes_to_rest = True
