"""Python's cyclic garbage collector, paused while a large estate is turned into other objects.

It looks at all objects again whenever their number has grown by a quarter, and half of the time of a compilation is
spent on that. What is made there is frozen and has no cycles: there is nothing to collect.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collector() -> Iterator[None]:
    """Leave the collector as it was found."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
