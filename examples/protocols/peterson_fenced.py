"""Peterson's lock for two processes."""

parameters = dict(fenced=(1, 0, 1))

shared = dict(wants=bit[bit], turn=bit)
ghost = dict(inside=upto(2))


@process(2)
def worker(me):
    other = 1 - me
    wants[me] = 1
    turn = other
    if fenced:
        fence()
    while wants[other] and turn == other:
        pass
    inside += 1
    assert inside == 1, "alone: only one process is inside"
    mark("a process is inside")
    wants[me] = 0
    inside -= 1


comes_to_rest = True
