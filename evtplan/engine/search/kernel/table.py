"""The text that looks states up in the table and puts new ones in, batch by batch."""

from evtplan.engine.search.kernel.records import indented, loads, stored
from evtplan.engine.search.packing import Packing

__all__ = ["BATCH", "RECENT", "TABLE", "table_values"]

# Successors of a batch, before those of the state that completes it.
BATCH = 64
# States found last, remembered by their hash.
RECENT = 1 << 9
# Of a line of 16 slots, which is a cache line.
LINE_BYTES = 64

TABLE = """

@_compiled
def _hash({w}):
{body}
    return h

@_compiled
def _home(h, table, slots):
    # Where a state with this hash belongs.
    return table + ((((h >> 32) & 0xFFFFFFFF) * slots) >> 32 << 2)


@_compiled
def _place(h, {w}, states, region, table, slots, index_bits):
    # The slot where a state stands, or else the one that it may have.
    index_mask = (1 << index_bits) - 1
    tag_mask = 0xFFFFFFFF ^ index_mask
    home = _home(h, table, slots)
    line = home & -{LINE}
    lane = (home & {LINE} - 1) >> 2
    while True:
        found = _turned(_candidates(line, h & tag_mask, tag_mask), lane)
        while found != 0:
            slot = line + ((_lowest(found) + lane & 15) << 2)
            v = _load32(slot)
            if v == 0:
                return slot
            number = (v & index_mask) - 1
            there = {NUMBER_ADDRESS}
{load_there_place}
            if {same}:
                return slot
            found &= found - 1
        line += {LINE}
        if line == table + 4 * slots:
            line = table
        lane = 0


@_compiled
def _turned(lanes, first):
    # The 16 bits from `first` on, and round.
    return (lanes | lanes << 16) >> first & 0xFFFF


@_compiled
def _ask(m, end, q, table, slots, recent):
    # Leave out what was asked for a moment ago. Where each of the others, moved together from m
    # on, belongs: its line of the table is asked for.
    p = m
    while p < end:
{load_p}
        h = _hash({w})
        seen = recent + (h & {RECENT} - 1) * {STATE_BYTES}
        fresh = ({differences}) != 0
{store_seen}
{store_m}
        slot = _home(h, table, slots)
        _prefetch(slot)
        _store(q, h)
        _store(q + 8, slot)
        p += {STATE_BYTES}
        m += fresh * {STATE_BYTES}
        q += fresh << 4
    return q


@_compiled
def _walk(q, q_end, states, region, table, table_end, index_bits):
    # The first slot that is empty or has its hash bits; that state is asked for.
    index_mask = (1 << index_bits) - 1
    tag_mask = 0xFFFFFFFF ^ index_mask
    while q < q_end:
        tag = _load64(q) & tag_mask
        home = _load64(q + 8)
        line = home & -{LINE}
        lane = (home & {LINE} - 1) >> 2
        found = _turned(_candidates(line, tag, tag_mask), lane)
        while found == 0:
            line += {LINE}
            if line == table_end:
                line = table
            lane = 0
            found = _candidates(line, tag, tag_mask)
        slot = line + ((_lowest(found) + lane & 15) << 2)
        _store(q + 8, slot)
        v = _load32(slot)
        number = (v & index_mask) - 1 - (v - 1 >> 63)
        _prefetch({NUMBER_ADDRESS})
        _prefetch({NUMBER_ADDRESS} + {REC} - 1)
        q += 16


@_compiled
def _settle(out, begin, end, states, region, table, slots, index_bits, thread, count):
    # Known or new: the states in the array afterwards.
    index_mask = (1 << index_bits) - 1
    tag_mask = 0xFFFFFFFF ^ index_mask
    # Drop what is known, without a branch on it: the rest moves together.
    p = out
    q = begin
    rest = begin
    while q < end:
        h = _load64(q)
        slot = _load64(q + 8)
        q += 16
{load_p}
        v = _load32(slot)
        number = (v & index_mask) - 1 - (v - 1 >> 63)
        there = {NUMBER_ADDRESS}
{load_there}
        _store(rest, h & 0xFFFFFFFF | p - out << 32)
        _store(rest + 8, slot)
        rest += ((v == 0) | (({differs}) != 0)) << 4
        p += {STATE_BYTES}
    # Nearly all that is left is new.
    q = begin
    while q < rest:
        h = _load64(q)
        slot = _load64(q + 8)
        q += 16
        p = out + (h >> 32)
{load_p}
        v = _load32(slot)
        while True:
            if v == 0:
                here = states + thread * region + count * {REC}
{store_here}
{claim}
            else:
                number = (v & index_mask) - 1
                there = {NUMBER_ADDRESS}
{load_there_again}
                if {same}:
                    break
                slot = _place(_hash({w}), {w}, states, region, table, slots, index_bits)
                v = _load32(slot)
    return count


@_compiled
def _filled(slot, v):
    # Put `v` where nothing stands; whether something does.
    if _load32(slot) != 0:
        return True
    _store32(slot, v)
    return False


@_compiled
def rehash(cb):
    # Put every state, known to be different from the others, into a new table.
    states = _load64(cb + {STATES})
    region = _load64(cb + {REGION})
    table = _load64(cb + {TABLE})
    slots = _load64(cb + {SLOTS})
    index_bits = _load64(cb + {INDEX_BITS})
    thread = _load64(cb + {THREAD})
    segments = _load64(cb + {SEGMENTS})
    chunk = _load64(cb + {CHUNK})
    tag_mask = 0xFFFFFFFF ^ (1 << index_bits) - 1
    table_end = table + 4 * slots
    now = _load64(cb + {PENDING})
    old = now + _load64(cb + {STRIDE})
    old_end = old
    more = True
    #T began = _cycles()
    while more:
        q = now
{next_chunk}
        more = first < last
        for number in range(first, min(last, first + chunk)):
            here = states + part * region + number * {REC}
{load_here}
            h = _hash({s})
            slot = _home(h, table, slots)
            _prefetch(slot)
            _store(q, slot)
            _store(q + 8, {part_number} + 1 | h & tag_mask)
            q += 16
        p = old
        while p < old_end:
            home = _load64(p)
            v = _load64(p + 8)
            line = home & -{LINE}
            lane = (home & {LINE} - 1) >> 2
            while True:
                found = _turned(_candidates(line, 1, 0), lane)
                if found != 0:
                    slot = line + ((_lowest(found) + lane & 15) << 2)
                    if not {occupied}:
                        break
                    continue
                line += {LINE}
                if line == table_end:
                    line = table
                lane = 0
            p += 16
        now, old, old_end = old, now, q
    #T _store(cb + {TIMES} + 24, _load64(cb + {TIMES} + 24) + _cycles() - began)
    return 1
"""

_MULTIPLIERS = (
    -0x61C8864680B583EB,
    -0x40A7B892E31B1A47,
    0x2545F4914F6CDD1D,
    -0x4B47D0C5A1A6B4D3,
    0x369DEA0F31A53F85,
    -0x165667B19E3779F9,
    0x27D4EB2F165667C5,
    -0x3D4D51C2D82B14B1,
)


def table_values(packing: Packing, threads: int) -> dict[str, object]:
    """What stands in `TABLE` for the names in braces, but for words of the control block."""
    words, shift = range(packing.words), (threads - 1).bit_length()
    there = [f"x{i}" for i in words]
    record = packing.record_bytes
    number_address = f"states + number * {record}"
    if threads > 1:
        place = f"(number >> {shift}) * {record}"
        number_address = f"states + (number & {(1 << shift) - 1}) * region + {place}"
    return {
        "LINE": LINE_BYTES,
        "NUMBER_ADDRESS": number_address,
        "RECENT": RECENT,
        "body": _hash_body(packing.words),
        "claim": indented(_claimed(threads, shift), 16),
        "differences": " | ".join(f"(_load64(seen + {8 * i}) ^ w{i})" for i in words),
        "differs": " | ".join(f"(x{i} ^ w{i})" for i in words),
        "load_here": loads(packing, [f"s{i}" for i in words], "here", 12),
        "load_p": indented([f"w{i} = _load64(p + {8 * i})" for i in words], 8),
        "load_there": loads(packing, there, "there", 8),
        "load_there_again": loads(packing, there, "there", 16),
        "load_there_place": loads(packing, there, "there", 12),
        "occupied": "_swap32(slot, 0, v) != 0" if threads > 1 else "_filled(slot, v)",
        "part_number": f"(number << {shift} | part)" if shift else "number",
        "same": " and ".join(f"x{i} == w{i}" for i in words),
        "store_here": indented(stored(packing), 16),
        "store_m": indented([f"_store(m + {8 * i}, w{i})" for i in words], 8),
        "store_seen": indented([f"_store(seen + {8 * i}, w{i})" for i in words], 8),
    }


def _hash_body(words: int) -> str:
    """Two words to a multiplication, what was found so far to the next one."""
    odd = _MULTIPLIERS
    pairs = [f"w{i} ^ {odd[i % len(odd)]}" for i in range(words)]
    if words % 2:
        pairs.append(str(odd[-1]))
    lines = [f"h = _fold({pairs[0]}, {pairs[1]})"]
    for i in range(2, len(pairs), 2):
        lines.append(f"h = _fold(h ^ {pairs[i]}, {pairs[i + 1]})")
    return "\n".join("    " + line for line in lines)


def _claimed(threads: int, shift: int) -> list[str]:
    """Put the new state's number into its slot, unless another thread came first."""
    if threads == 1:
        return ["_store32(slot, count + 1 | h & tag_mask)", "count += 1", "break"]
    entry = f"(count << {shift} | thread) + 1 | h & tag_mask"
    return [f"v = _swap32(slot, 0, {entry})", "if v == 0:", "    count += 1", "    break"]
