"""The server's clock, which a test may set: nothing says that the clocks of a cluster's machines agree."""

import time
from email.utils import formatdate


class Clock:
    """`ahead`: seconds that it is ahead of this machine's."""

    ahead = 0.0

    @classmethod
    def stamp(cls) -> str:
        """As objects carry it."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + cls.ahead))

    @classmethod
    def date(cls) -> str:
        """As an answer's head carries it."""
        return formatdate(time.time() + cls.ahead, usegmt=True)
