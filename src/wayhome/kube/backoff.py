"""When to ask again. Pure: randomness is an argument.

Whatever breaks, breaks for all nodes at once: an API server restarts, and 5,000 watches end in the same second. So a
delay is drawn from the whole range between nothing and its ceiling, never just around it, and the ceiling doubles
with each failure in a row. The first ceiling spreads 5,000 agents over 5 s, which is 1,000 requests a second to a
cache; and one agent whose connection broke is back after 2.5 s on average.
"""

from collections.abc import Callable

Random = Callable[[], float]
"""A number of [0, 1), as random.random draws it."""

FIRST_CEILING = 5.0
HIGHEST_CEILING = 60.0


class Backoff:
    """Counts failures in a row, and draws delays."""

    def __init__(
        self, random: Random, first: float = FIRST_CEILING, highest: float = HIGHEST_CEILING
    ) -> None:
        """`first` and `highest`: the ceilings of the delays, in seconds."""
        self._random = random
        self._first = first
        self._highest = highest
        self.failures = 0

    def delay(self, at_least: float | None = None) -> float:
        """Seconds to wait after one more failure. `at_least`: what the server has asked for (Retry-After)."""
        ceiling = min(self._highest, self._first * 2.0 ** min(self.failures, 16))
        self.failures += 1
        return (at_least or 0.0) + self._random() * ceiling

    def reset(self) -> None:
        """Something went well."""
        self.failures = 0
