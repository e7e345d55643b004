"""An event raised before its array page is there (Xen 917c123029, November 2013).

A port may be bound before the guest has added the page of its event word. As the code stood
(`fixed=0`) a raise found no word and was lost. `fixed=1`: Xen remembers it, and raises it again when
the page comes. Raise and hypercall hold the domain's event lock here, as we read the commit.
"""

parameters = dict(fixed=(0, 0, 1))

shared = dict(pending=bit, upcall=bit)
xen = dict(page=bit, saved=bit, L=lock)
ghost = dict(raised=bit, handled=bit)


def set_pending():
    if page:
        pending = 1
        upcall = 1
    else:
        if fixed:
            saved = 1
        mark("there is no page yet")


@process()
def raiser():
    with L:
        raised = 1
        set_pending()


@process()
def guest():
    with L:
        page = 1  # EVTCHNOP_expand_array
        if fixed:
            if saved:
                set_pending()


@process(waits=True)
def consumer():
    while True:
        await exchange(upcall, 0)
        if test_and_clear(pending):
            handled = 1
            mark("an event is handled")


@at_rest
def no_event_lost():
    """What was raised is handled."""
    return handled == raised
