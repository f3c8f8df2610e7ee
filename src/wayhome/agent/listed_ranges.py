"""Whether the configuration that is held keeps this node's own Pod ranges, said once when it does not.

A list that forgets a Pod range of the cluster hides Pods from each other behind their nodes (`policy.coverage`). Each
agent knows one part of that range, its own node's; all of them together say it of the whole.
"""

from collections.abc import Sequence

from wayhome.agent.logs import Log
from wayhome.policy import Finding, Policy
from wayhome.policy.coverage import uncovered
from wayhome.prefixes import Prefix


class ListedRanges:
    """Remembers the last answer: a list of 10,000 entries is flattened for it."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._policy: Policy | None = None
        self._ranges: Sequence[Prefix] = ()
        self._missing: tuple[Finding, ...] = ()

    def missing(self, policy: Policy, ranges: Sequence[Prefix]) -> tuple[Finding, ...]:
        """A warning for each range that is not kept as a whole."""
        if policy is not self._policy or ranges != self._ranges:
            self._policy, self._ranges = policy, ranges
            before, self._missing = self._missing, uncovered(policy, ranges)
            for finding in self._missing:
                if finding not in before:
                    self._log.warning("range not listed", str(finding))
        return self._missing
