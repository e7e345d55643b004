"""A poller is woken between PENDING and LINKED (Xen 71ac522909, 4.15).

Two CPUs raise the same event. Before (`fixed=0`) the one that set PENDING may find that the other
has set LINKED, and wakes the VCPU that polls before the other has put the event on the queue: the
VCPU finds nothing there and sleeps, and nobody wakes it again. `fixed=1`: PENDING is set under the
queue lock.
"""

parameters = dict(fixed=(0, 0, 1))

shared = dict(pending=bit, linked=bit, head=bit, wake=bit)
xen = dict(L=lock)


@process(2)
def raiser():
    was: bit = 0
    if fixed:
        with L:
            was = test_and_set(pending)
            if not test_and_set(linked):
                head = 1
    else:
        was = test_and_set(pending)
        if not linked:
            with L:
                if not test_and_set(linked):
                    head = 1
    if not was:
        wake = 1  # evtchn_check_pollers()
        mark("a poller is woken")


@process(waits=True)
def poller():
    while True:
        await exchange(wake, 0)
        found = exchange(head, 0)
        assert found, "woken_for_something: a VCPU that is woken finds the event on the queue"
        linked = 0
        pending = 0
        mark("the event is handled")
