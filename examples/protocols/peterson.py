"""Peterson's lock for two processes (1981).

With fenced=0 and store buffers (--memory tso) both get in: it needs a fence before the wait.
"""

parameters = dict(rounds=(2, 1, 4), fenced=(1, 0, 1))

shared = dict(flag=bit[2], turn=bit)
ghost = dict(inside=upto(2))


@process(2)
def worker(me):
    other = 1 - me
    for round in range(rounds):
        flag[me] = 1
        turn = other
        if fenced:
            fence()
        while flag[other] and turn == other:
            pass
        inside += 1
        assert inside == 1, "exclusion: only one process is inside"
        mark("a process is inside")
        step()  # the critical section
        inside -= 1
        flag[me] = 0


comes_to_rest = True
