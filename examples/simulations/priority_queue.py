"""Two classes of customers and one server: class 1 is taken first, nobody is interrupted.

The simulator is held against the theory of non-preemptive priority queues with it.
"""

parameters = dict(raisers=(1, 1, 60))
customer = span(1, 2)

shared = dict(waiting=upto(1000000000)[customer], work=upto(1000000000))


@process(raisers, waits=True)
def raiser():
    while True:
        p = choose(customer)
        fetch_add(waiting[p], 1)
        fetch_add(work, 1)


@process(waits=True)
def consumer():
    while True:
        await (work > 0)
        fetch_add(work, -1)
        if waiting[1] > 0:
            fetch_add(waiting[1], -1)
            emit("handled", 1)
        else:
            fetch_add(waiting[2], -1)
            emit("handled", 2)
