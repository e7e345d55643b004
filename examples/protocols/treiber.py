"""Treiber's stack (1986): push and pop by compare-and-swap on the top.

Nodes are numbered from 1; 0 is none. Each process pops a node and pushes it back, so that with a
bare pointer (counted=0) a node may return to the top while another process holds its old next:
the ABA problem. With counted=1 the top carries a count that each pop changes.
"""

parameters = dict(nodes=(3, 1, 4), workers=(2, 1, 3), rounds=(2, 1, 3), counted=(0, 0, 1))

node = upto(nodes)
count = upto(2 * workers * rounds) if counted else upto(0)


class Top:
    first: node
    pops: count


shared = dict(top=Top, next=node[node])
ghost = dict(held=upto(workers)[node])      # how many processes think that the node is theirs


def start():
    top.first = nodes
    for n in span(1, nodes):
        next[n] = n - 1


def pop() -> node:
    while True:
        old = top
        if old.first == 0:
            return 0
        after = next[old.first]
        new = replace(old, first=after, pops=old.pops + 1 if counted else 0)
        if cmpxchg(top, old, new) == old:
            taken(old.first)
            return old.first


def push(n: node):
    held[n] -= 1
    while True:
        old = top
        next[n] = old.first
        new = replace(old, first=n)
        if cmpxchg(top, old, new) == old:
            return


def taken(n):
    held[n] += 1
    assert held[n] == 1, "exclusive: a node belongs to one process at a time"
    mark("a node is popped")


@process(workers)
def worker(me):
    for round in range(rounds):
        a = pop()
        if a:
            b: node = 0
            if me == 0:
                b = pop()
            push(a)
            if b:
                push(b)


@at_rest
def nothing_is_lost():
    """At rest every node is on the stack."""
    n = top.first
    seen: upto(nodes + 1) = 0
    for hop in node:
        if n:
            seen += 1
            n = next[n]
    return seen == nodes and n == 0
