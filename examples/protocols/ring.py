"""A ring with one producer and one consumer (Lamport, 1983), as Xen's console ring is.

The indices run freely and are reduced where a slot is addressed. Without the store fence
(fenced=0) and with store buffers that reorder (--memory pso) the consumer reads an empty slot.
"""

parameters = dict(slots=(2, 1, 4), items=(3, 1, 7), fenced=(1, 0, 1))

item = upto(items)
position = upto(items)

shared = dict(ring=item[slots], produced=position, consumed=position)
ghost = dict(expected=upto(items + 1))


def start():
    expected = 1


@process
def producer():
    for value in span(1, items):
        at = produced                # only the producer writes it
        while at - consumed == slots:
            pass                     # full: wait
        ring[at % slots] = value
        if fenced:
            wmb()
        produced = at + 1


@process
def consumer():
    for round in range(items):
        at = consumed
        await produced != at
        value = ring[at % slots]
        assert value == expected, "in_order: every item arrives once, in order"
        expected += 1
        mark("an item arrives")
        consumed = at + 1


comes_to_rest = True
