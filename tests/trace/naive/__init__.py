"""A tracer that shares no idea with the real one: linear scans, no indices, every branch with a state of its own.

It says what the model means as plainly as possible, and is slow. A state is copied at each fork and handed on to what
comes next (`then`); the verdict is put together on the way back.

`exchanging` > `walking` > `filtering` > `scanning`, `states`.
"""

from tests.trace.naive.exchanging import naive

__all__ = ["naive"]
