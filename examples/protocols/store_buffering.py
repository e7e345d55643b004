"""The store buffering litmus test: may both processes read the old value?

Under sequential consistency they may not. With store buffers (--memory tso) they may, unless a
fence stands between each one's store and load (--param fenced=1).
"""

parameters = dict(fenced=(0, 0, 1))

shared = dict(x=bit, y=bit)
ghost = dict(saw_x=upto(2), saw_y=upto(2))      # what was read, plus 1; 0: nothing yet


@process
def left():
    x = 1
    if fenced:
        fence()
    seen = y
    saw_y = 1 + seen


@process
def right():
    y = 1
    if fenced:
        fence()
    seen = x
    saw_x = 1 + seen


@always
def one_sees_the_other():
    """Not both read the value from before the other's store."""
    return not (saw_x == 1 and saw_y == 1)


@sometimes
def both_see():
    """Both read the new value."""
    return saw_x == 2 and saw_y == 2
