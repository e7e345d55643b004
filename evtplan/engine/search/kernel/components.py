"""The text that finds strongly connected components, of a space that is searched to its end."""

__all__ = ["COMPONENTS"]

COMPONENTS = """

@_compiled
def _visit(cb, number, numbers, succ, top, order):
    # Number the state, look up its successors; 1 for a loop to itself.
    states = _load64(cb + {STATES})
    region = _load64(cb + {REGION})
    table = _load64(cb + {TABLE})
    slots = _load64(cb + {SLOTS})
    index_bits = _load64(cb + {INDEX_BITS})
    index_mask = (1 << index_bits) - 1
    out = _load64(cb + {OUT})
    pending = _load64(cb + {PENDING})
    me = number
    _store32(numbers + 4 * me, order)
    here = {NUMBER_ADDRESS}
{load_visit}
    n = _expand(_load64(cb + {EXPAND}), {s}, out) & {COUNT_MASK}
    p = out
    for j in range(n):
{load_w}
        h = _hash({w})
        _prefetch(_home(h, table, slots))
        _store(pending + 16 * j, h)
        p += {STATE_BYTES}
    itself = 0
    p = out
    for j in range(n):
{load_w}
        slot = _place(_load64(pending + 16 * j), {w}, states, region, table, slots, index_bits)
        number = (_load32(slot) & index_mask) - 1
        if number == me:
            itself = 1
        _prefetch(numbers + 4 * number)
        _store32(succ + 4 * (top + j), number)
        p += {STATE_BYTES}
    return n << 1 | itself


@_compiled
def components(cb, first, numbers, stack, frames, succ, found, budget):
    # Tarjan's algorithm from state `first`. A frame: state, low, begin and next of its
    # successors, loop to itself. Found: size and members of each component with an edge inside.
    # Returns the words found, or -1 where the stacks outgrow `budget` bytes.
    order = 1
    height = 1
    depth = 1
    words = 0
    r = _visit(cb, first, numbers, succ, 0, order)
    top = r >> 1
    _store32(stack, first)
    _store(frames, first)
    _store(frames + 8, order)
    _store(frames + 16, 0)
    _store(frames + 24, 0)
    _store(frames + 32, r & 1)
    while depth > 0:
        frame = frames + 40 * (depth - 1)
        low = _load64(frame + 8)
        at = _load64(frame + 24)
        descend = False
        while at < top:
            number = _load32(succ + 4 * at)
            at += 1
            known = _load32(numbers + 4 * number)
            if known == 0:
                descend = True
                break
            if known != 0xFFFFFFFF and known < low:
                low = known
        _store(frame + 8, low)
        _store(frame + 24, at)
        if descend:
            if 44 * depth + 4 * top + 8 * words > budget:
                return -1
            order += 1
            r = _visit(cb, number, numbers, succ, top, order)
            _store32(stack + 4 * height, number)
            height += 1
            frame += 40
            _store(frame, number)
            _store(frame + 8, order)
            _store(frame + 16, top)
            _store(frame + 24, top)
            _store(frame + 32, r & 1)
            top += r >> 1
            depth += 1
            continue
        me = _load64(frame)
        top = _load64(frame + 16)
        depth -= 1
        if depth > 0:
            above = frame - 40
            if low < _load64(above + 8):
                _store(above + 8, low)
        if low == _load32(numbers + 4 * me):
            begin = words
            words += 1
            while True:
                height -= 1
                member = _load32(stack + 4 * height)
                _store32(numbers + 4 * member, 0xFFFFFFFF)
                _store(found + 8 * words, member)
                words += 1
                if member == me:
                    break
            if words - begin > 2 or _load64(frame + 32) != 0:
                _store(found + 8 * begin, words - begin - 1)
            else:
                words = begin
    return words
"""
