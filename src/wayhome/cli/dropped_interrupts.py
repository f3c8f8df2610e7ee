"""Ctrl-C that comes where Python cannot raise it: in a destructor, in a weak reference's callback, while it forks.

Python then prints `Exception ignored in` and goes on, so a command would run to its end as if nobody had asked it to
stop. Here such an interrupt comes again a moment later, when other code runs, and nothing is printed.

Source: sys.unraisablehook.
"""

import signal
import sys
from types import FrameType
from typing import NoReturn

AGAIN_SECONDS = 0.001


def deliver_again() -> None:
    """From now on, in this process and in those that it forks. Takes SIGALRM and its timer."""
    print_it = sys.unraisablehook

    def hook(unraisable: "sys.UnraisableHookArgs") -> None:
        if unraisable.exc_type is KeyboardInterrupt:
            # Not raised from here: that would be in a callback of Python's again.
            signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
        else:
            print_it(unraisable)

    signal.signal(signal.SIGALRM, _interrupt)
    sys.unraisablehook = hook


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
