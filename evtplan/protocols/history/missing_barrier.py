"""A missing barrier (XSA-358 and 359; Xen c5e63651fd and dc8b01affd, 4.15), to be seen under pso.

Mapping a VCPU's control block stores pointers to its queue heads, and the pointer to the block, which
a raise looks at to know that the heads are there. Before (`fixed=0`) nothing kept the two in order:
another CPU may see the block and not yet its heads. `fixed=1`: the heads come first, and a store
barrier stands between. Under sc and tso stores are seen in order, and the fault cannot be seen.
`swapped=1` is the code as we recall that it stood, the block before the heads: no barrier helps that,
and sc shows it. What the event array lacked, a barrier between a reader's loads, no memory model here
can show: loads are never delayed.
"""

parameters = dict(fixed=(0, 0, 1), swapped=(0, 0, 1))

xen = dict(block=bit, heads=bit)


@process()
def map_control_block():
    if fixed:
        heads = 1
        store_fence()
        block = 1
    elif swapped:
        block = 1
        heads = 1
    else:
        heads = 1
        block = 1


@process()
def set_pending():
    if block:
        there = heads
        assert there, "heads_are_there: a VCPU that has a control block has its queue heads"
        mark("the block is found")
