"""What every test process needs before its first test."""

import signal

# Started in the background of a script a process ignores Ctrl-C, and so would every command that
# the tests start and interrupt; handled here, it is at its default there.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
