"""What is said to a compiled search, and what it answers: a control block a thread."""

__all__ = ["CB", "MOST_WORDS", "SEGMENT_BYTES", "Mode"]

# Bytes from one thread's (next, end) pair to the next: never on one cache line.
SEGMENT_BYTES = 128


class CB:
    """Numbers of the words in a thread's control block."""

    STATES = 0  # address of the state arrays
    REGION = 1  # bytes from one thread's array to the next
    TABLE = 2  # address of the table
    SLOTS = 3  # slots it has
    INDEX_BITS = 4  # bits of a slot that number a state
    THREAD = 5
    COUNT = 6  # states in this thread's array
    LIMIT = 7  # take no further chunk once COUNT is there; set to 0 from outside: stop
    EDGES = 8
    STEP_FLAGS = 9  # flags raised by steps
    ALWAYS = 10  # always properties broken
    AT_REST = 11  # at-rest properties broken
    SOMETIMES = 12  # sometimes properties shown
    WANTED = 13  # … until these are
    QUIET = 14  # states at rest
    SEGMENTS = 15  # address of the level's parts: next and end a thread
    OUT = 16  # address of the successors of a batch
    PENDING = 17  # address of (hash, slot) for each
    CHUNK = 18  # states taken at a time
    STRIDE = 19  # bytes from one batch's successors (and slots) to the next one's
    MODE = 20  # see Mode
    FOUND = 21  # 1 once a state was found, then its words from BEST
    BEST = 22
    TARGET = 31  # words of the state whose predecessor is looked for
    EXPAND = 40  # addresses of the system's functions; always is 0 where there is none
    IS_ALWAYS = 41
    IS_AT_REST = 42
    IS_SOMETIMES = 43
    BIT = 44  # the property's bit, for modes that look for one
    REMEMBERED = 45  # address of the states found last
    # Of a timed search: ticks spent on finding, walking, settling and growing; successors walked.
    TIMES = 48
    SIZE = 56


# Words of a state there is room for, from BEST and from TARGET.
MOST_WORDS = CB.TARGET - CB.BEST


class Mode:
    """What `run` does with each state of the level."""

    SEARCH = 0  # expand, count, insert successors
    ALWAYS = 1  # find the least state that breaks an always property
    AT_REST = 2  # … that is at rest and breaks an at-rest property
    STEP = 3  # … of which a step raises a flag
    PREDECESSOR = 4  # … that has the target among its successors
    SOMETIMES = 5  # … that shows a sometimes property
