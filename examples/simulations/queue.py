"""A plain queue: what arrives is counted, one server takes one after the other.

With exponential gaps and handlers it is M/M/1, with fixed handlers M/D/1; the simulator is held
against queueing theory with it.
"""

parameters = dict(raisers=(1, 1, 60))
one = span(1, 1)

shared = dict(waiting=upto(1000000000))


@process(raisers, waits=True)
def raiser():
    while True:
        p = choose(one)
        fetch_add(waiting, 1)


@process(waits=True)
def consumer():
    while True:
        await (waiting > 0)
        fetch_add(waiting, -1)
        emit("handled", 1)
