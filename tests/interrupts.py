"""For programs that a test interrupts."""

import signal


def heeds_ctrl_c():
    """`preexec_fn` of a program: a suite that runs in the background ignores Ctrl-C, and hands that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
