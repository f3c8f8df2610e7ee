"""What was told to the cluster, counted: the facts behind the metrics of API mode."""

import time
from collections import Counter
from collections.abc import Iterator

from wayhome.agent.exposition import Metric, Sample


class Told:
    """Written and read on the event loop."""

    def __init__(self) -> None:
        self.lease_writes = 0
        self.lease_failures = 0
        self.lease_written_at = 0.0
        """In seconds since the epoch; 0 before."""
        self.events = Counter({"created": 0, "existed": 0, "failed": 0})
        self.scope_refused = False
        self.uncovered = 0
        """Cluster Pod ranges that the list forgets."""

    def lease_written(self) -> None:
        """The node's Lease says what was to be said."""
        self.lease_writes += 1
        self.lease_written_at = time.time()

    def metrics(self) -> Iterator[Metric]:
        """All of it."""
        yield _counter("wayhome_lease_writes_total", "Writes of this node's Lease.", self.lease_writes)  # fmt: skip
        yield _counter("wayhome_lease_errors_total", "Failures to write this node's Lease.", self.lease_failures)  # fmt: skip
        yield _gauge("wayhome_lease_written_timestamp_seconds", "When it was last written, in seconds since the epoch; 0 before.", self.lease_written_at)  # fmt: skip
        yield Metric("wayhome_events_total", "counter", "Events about rejected ConfigMaps: created, found existing (another node was first), failed.", tuple(
            Sample(number, {"result": result}) for result, number in self.events.items()
        ))  # fmt: skip
        yield _gauge("wayhome_scope_refused", "1 while the node's Pod ranges are not known or wrong, and its rules are for whatever leaves the node.", self.scope_refused)  # fmt: skip
        yield _gauge("wayhome_pod_ranges_not_listed", "Pod ranges of this node that the configuration does not keep.", self.uncovered)  # fmt: skip


def _counter(name: str, text: str, value: float) -> Metric:
    return Metric(name, "counter", text, (Sample(value),))


def _gauge(name: str, text: str, value: float) -> Metric:
    return Metric(name, "gauge", text, (Sample(value),))
