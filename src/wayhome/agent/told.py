"""What was told to the cluster, counted: the facts behind the metrics of API mode."""

import time
from collections import Counter
from collections.abc import Iterator

from wayhome.agent.exposition import Metric, counter, counters, gauge


class Told:
    """Written and read on the event loop."""

    def __init__(self) -> None:
        self.lease_writes = 0
        self.lease_failures = 0
        self.lease_written_at = 0.0
        """In seconds since the epoch; 0 before."""
        self.events = Counter({"created": 0, "existed": 0, "failed": 0})

    def lease_written(self) -> None:
        """The node's Lease says what was to be said."""
        self.lease_writes += 1
        self.lease_written_at = time.time()

    def metrics(self) -> Iterator[Metric]:
        """All of it."""
        yield counter("wayhome_lease_writes_total", "Writes of this node's Lease.", self.lease_writes)  # fmt: skip
        yield counter("wayhome_lease_errors_total", "Failures to write this node's Lease.", self.lease_failures)  # fmt: skip
        yield gauge("wayhome_lease_written_timestamp_seconds", "When it was last written, in seconds since the epoch; 0 before.", self.lease_written_at)  # fmt: skip
        yield counters("wayhome_events_total", "Events about rejected ConfigMaps: created, found existing (another node was first), failed.", "result", self.events)  # fmt: skip


def scope_metrics(*, refused: bool, not_listed: int) -> Iterator[Metric]:
    """Whether the scope of Pods is refused, and how many Pod ranges of this node the list forgets."""
    yield gauge("wayhome_scope_refused", "1 while the node's Pod ranges are not known or wrong, and its rules are for whatever leaves the node.", refused)  # fmt: skip
    yield gauge("wayhome_pod_ranges_not_listed", "Pod ranges of this node that the configuration does not keep.", not_listed)  # fmt: skip
