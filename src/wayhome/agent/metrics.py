"""The agent's metrics, in Prometheus' naming rules: base units, `_total` for counters, one prefix.

Everything is computed when it is asked for. The names are an interface: dashboards and alerts (`deploy/`) use them.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from wayhome import __version__
from wayhome.agent.exposition import Metric, Sample, counter, counters, gauge
from wayhome.agent.holding import Basis, Held
from wayhome.agent.tally import Tally, digest
from wayhome.kernel.counts import Connections
from wayhome.policy import Action, Entry

CONNTRACK_STATISTICS = Path("/proc/net/stat/nf_conntrack")


def metrics(tally: Tally, backend: str) -> Iterator[Metric]:
    """What has happened, as metrics."""
    held, applied = tally.held, tally.applied_held
    info = {"version": __version__, "backend": backend, "scope": _scope(applied)}
    yield gauge("wayhome_build_info", "The agent's version and back end, and the scope of the rules in the kernel.", 1, info)  # fmt: skip
    if applied:
        basis = {"digest": digest(applied), "basis": applied.basis.value}
        entries = applied.configuration.policy.entries
        yield gauge("wayhome_configuration_info", "The configuration that the kernel holds: the SHA-256 of its text (empty for the defaults), and what it stands on.", 1, basis)  # fmt: skip
        yield gauge("wayhome_configuration_applied_timestamp_seconds", "When the kernel got it, in seconds since the epoch.", tally.applied_at)  # fmt: skip
        yield gauge("wayhome_verified_timestamp_seconds", "When the kernel was last compared with it, in seconds since the epoch.", tally.verified_at)  # fmt: skip
        yield Metric("wayhome_configuration_entries", "gauge", "Entries of that configuration, by what they say.", tuple(
            Sample(sum(entry.action is action for entry in entries), {"action": action.value}) for action in Action
        ))  # fmt: skip
    rejected = held is not None and bool(held.rejected)
    yield gauge("wayhome_configuration_rejected", "1 while the source holds a configuration that is rejected.", rejected)  # fmt: skip
    unreadable = held is not None and held.unreadable
    yield gauge("wayhome_configuration_unreadable", "1 while the source cannot be read.", unreadable)  # fmt: skip
    missing = held is not None and held.basis is Basis.DEFAULTS and not held.rejected
    yield gauge("wayhome_configuration_defaults", "1 while there is no configuration, and upstream's defaults apply.", missing)  # fmt: skip
    yield gauge("wayhome_ready", "1 while the newest valid configuration is in the kernel.", tally.ready)  # fmt: skip
    yield counter("wayhome_configuration_rejections_total", "Configurations that were rejected.", tally.rejections)  # fmt: skip
    yield counter("wayhome_source_errors_total", "Failures to read the configuration's source.", tally.unreadable)  # fmt: skip
    yield counter("wayhome_kernel_errors_total", "Failures to read or change the kernel's rules.", tally.kernel_errors)  # fmt: skip
    yield counter("wayhome_memory_errors_total", "Failures to remember the last good configuration on disk.", tally.not_remembered_count)  # fmt: skip
    yield counters("wayhome_changes_total", "Configurations brought to the kernel, by what that took.", "how", tally.changes)  # fmt: skip
    yield counters("wayhome_repairs_total", "Repairs of rules that somebody had damaged, by the damage.", "cause", tally.repairs)  # fmt: skip
    yield gauge("wayhome_rules_in_dispute", "1 while somebody keeps damaging the rules.", tally.quarrel)  # fmt: skip
    yield Metric("wayhome_source_to_kernel_seconds", "histogram", "From noticing a change of the source to the rules in the kernel.", tally.delay.samples())  # fmt: skip
    yield from _foreign(tally)


def _scope(applied: Held | None) -> str:
    if applied is None:
        return ""
    return "node" if applied.configuration.policy.pod_cidrs is None else "pods"


def _foreign(tally: Tally) -> Iterator[Metric]:
    """What was seen of others; nothing where nobody looked."""
    if tally.report is not None:
        report = tally.report
        yield Metric("wayhome_foreign_rules_in_conflict", "gauge", "Rules of others that translate what shall keep its address, or translate before ours: certainly, or under conditions.", (
            Sample(report.certain, {"certainty": "certain"}), Sample(report.conditional, {"certainty": "conditional"}),
        ))  # fmt: skip
        yield gauge("wayhome_foreign_rules_read_timestamp_seconds", "When the rules of others were last read, in seconds since the epoch.", tally.looked_at)  # fmt: skip
        if report.deciders is not None:
            yield gauge("wayhome_observed_agreement", "1 while the rules on this node treat every destination as the configuration says.", not report.disagreements)  # fmt: skip
            yield gauge("wayhome_observed_chains", "Chains and tables of masquerade agents that decide on this node.", len(report.deciders))  # fmt: skip
    if tally.report is not None or tally.look_failures:
        yield counter("wayhome_foreign_rules_read_errors_total", "Failures to read the rules of others.", tally.look_failures)  # fmt: skip
    if tally.bypassed is not None:
        yield gauge("wayhome_rules_bypassed", "1 while packets of Pods go past netfilter, and so past these rules.", tally.bypassed)  # fmt: skip


def line_metrics(counted: Connections) -> Iterator[Metric]:
    """What was counted by the configuration's line that decides: connections, and packets with `--accounting`."""
    yield _by_line("wayhome_connections_total", "New connections, by the line of the configuration that decided about their source address.", counted.by_entry, counted.by_no_entry)  # fmt: skip
    if counted.sent is not None:
        by_entry, rest = counted.sent.by_entry, counted.sent.by_no_entry
        packets = {entry: count.packets for entry, count in by_entry.items()}
        octets = {entry: count.bytes for entry, count in by_entry.items()}
        yield _by_line("wayhome_sent_packets_total", "Packets that were sent, by the line of the configuration that names their destination; answers are not counted.", packets, rest.packets)  # fmt: skip
        yield _by_line("wayhome_sent_bytes_total", "Bytes of these packets, from the IP header on.", octets, rest.bytes)  # fmt: skip


def _by_line(name: str, text: str, by_entry: Mapping[Entry, int], by_no_entry: int) -> Metric:
    lines = [*by_entry.items(), (None, by_no_entry)]
    samples = tuple(Sample(number, _line_labels(entry)) for entry, number in lines)
    return Metric(name, "counter", text, samples)


def _line_labels(entry: Entry | None) -> dict[str, str]:
    if entry is None:
        return {"action": Action.MASQUERADE.value, "prefix": "", "list": "", "line": ""}
    line = str(entry.origin.line) if entry.origin.line else ""
    labels = {
        "action": entry.action.value,
        "prefix": str(entry.prefix),
        "list": entry.origin.key,
        "line": line,
    }
    return {**labels, "file": entry.origin.file} if entry.origin.file else labels


def conntrack_metrics(statistics: Path = CONNTRACK_STATISTICS) -> Iterator[Metric]:
    """Connections that conntrack could not insert: two that were given one source port, or a table that is full.

    Source: linux/net/netfilter/nf_conntrack_standalone.c, ct_cpu_seq_show(): a line for each processor, hexadecimal.
    """
    try:
        head, *lines = statistics.read_text().splitlines()
        column = head.split().index("insert_failed")
        failed = sum(int(line.split()[column], 16) for line in lines)
    except (OSError, ValueError, IndexError):
        return  # a kernel without these statistics
    yield counter("wayhome_conntrack_insert_failed_total", "Connections that this node's conntrack could not insert, ours and others'.", failed)  # fmt: skip
