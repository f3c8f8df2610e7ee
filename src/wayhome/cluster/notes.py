"""What an operator has to know besides the nodes: what is wrong with the ConfigMap, who reads it, what was not seen.

Pure. An error is a finding (exit code 1), a missing fact leaves the whole undetermined (3), a note changes nothing.
"""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wayhome.cluster.agent_sets import AgentSet, Maker
from wayhome.cluster.agent_warnings import agent_warnings
from wayhome.cluster.look import Facts, Unseen
from wayhome.cluster.readings import Reading, agreed, forgotten, readings
from wayhome.cluster.report import FAILED, Condition, Report
from wayhome.cluster.unfinished import unfinished
from wayhome.cluster.wanted import Wanted
from wayhome.kube.configmap import Absent, Said, Unknown, Wrong
from wayhome.kube.objects import key_of
from wayhome.policy import Severity
from wayhome.policy.findings import quote

MOST_NAMED = 3
KUBELET_SECONDS = 60
"""Within which a kubelet writes a changed ConfigMap into its volumes (its sync period)."""


class Weight(enum.Enum):
    """What a note does to the whole."""

    ERROR = "error"
    MISSING = "missing"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence."""

    weight: Weight
    text: str


def verdict(report: Report) -> int:
    """The exit code: 0 every node holds what is wanted, 1 something is wrong, 3 that is not known yet."""
    weights = {note.weight for note in notes(report)}
    if Weight.ERROR in weights or report.of(*FAILED):
        return 1
    if Weight.MISSING in weights or report.counts[Condition.CURRENT] < report.counted:
        return 3
    return 0 if report.counted else 3


def notes(report: Report) -> tuple[Note, ...]:
    """All of them, the weightiest first."""
    found = [*_configuration(report), *_agents(report), *_rest(report.facts), *_gone(report)]
    found += _warnings(report)
    order = {weight: number for number, weight in enumerate(Weight)}
    return tuple(sorted(found, key=lambda note: order[note.weight]))


def read_by_agents(report: Report) -> tuple[Reading, ...]:
    """The ConfigMap as each kind of agent reads it; empty where it cannot be seen, or is Azure's."""
    wanted = report.wanted
    if isinstance(wanted, Unseen) or is_azures(report.facts):
        return ()
    return readings(report.facts, wanted.said)


def _configuration(report: Report) -> Iterator[Note]:
    facts, wanted = report.facts, report.wanted
    if isinstance(wanted, Unseen):
        yield Note(Weight.MISSING, f"the ConfigMap {_name(facts)} cannot be read: {wanted.reason}")
        return
    yield from _elsewhere(facts, wanted)
    said = wanted.said
    if is_azures(facts):
        yield Note(Weight.NOTE, f"Azure's agents unite all files of their ConfigMaps: what {_name(facts)} says is not judged here")  # fmt: skip
    found = read_by_agents(report)
    yield from _absent(said, found)
    for reading in found:
        if isinstance(reading.said, Unknown):
            yield Note(Weight.MISSING, f"what agents unite with {_name(facts)} is not known: {reading.said.reason}")  # fmt: skip
    yield from _findings(report, found)
    item = facts.item
    if isinstance(item, dict) and (left := unfinished(item, facts.data_key)):
        yield Note(Weight.WARNING, str(left))


def _absent(said: Said, found: Sequence[Reading]) -> Iterator[Note]:
    if not isinstance(said, Absent):
        return
    alone = all(isinstance(reading.said, Absent) for reading in found)
    instead = "upstream's defaults hold" if alone else "the other ConfigMaps that agents read hold alone"  # fmt: skip
    yield Note(Weight.NOTE, f"{said.hint}; without it {instead}")


def _findings(report: Report, found: Sequence[Reading]) -> Iterator[Note]:
    facts = report.facts
    for finding in agreed(found, lambda reading: reading.findings):
        # Whatever is wrong with an object and not with a text names it already.
        named = finding.file or any(isinstance(reading.said, Wrong) for reading in found)
        text = str(finding) if named else f"{_name(facts)}: {finding}"
        if finding.severity is not Severity.NOTE:
            is_error = finding.severity is Severity.ERROR
            yield Note(Weight.ERROR if is_error else Weight.WARNING, text)
    ranges = agreed(found, lambda reading: forgotten(facts, reading))
    yield from (Note(Weight.WARNING, f"{_name(facts)}: {f}") for f in ranges[:MOST_NAMED])
    if len(ranges) > MOST_NAMED:
        more = f"{len(ranges) - MOST_NAMED:,} more Pod ranges of the cluster are not in the list"
        yield Note(Weight.WARNING, f"{_name(facts)}: {more}")


def _elsewhere(facts: Facts, wanted: Wanted) -> Iterator[Note]:
    if isinstance(facts.elsewhere, Unseen):
        if isinstance(wanted.said, Absent):
            text = (
                f"whether a ConfigMap {facts.configmap[1]} is in a wrong namespace cannot be seen"
            )
            yield Note(Weight.NOTE, f"{text}: {facts.elsewhere.reason}")
        return
    # Another namespace's is a mistake only where nobody's agent reads it.
    read = {key for each in _sets(facts) for key in each.configmaps}
    for namespace, name in facts.elsewhere:
        if (namespace, name) in read:
            continue
        weight = Weight.ERROR if isinstance(wanted.said, Absent) else Weight.WARNING
        yield Note(
            weight,
            f"ConfigMap {namespace}/{name} has no effect: agents read {_name(facts)}; make it there with: kubectl get "
            f"configmap {name} --namespace {namespace} --output go-template='{{{{index .data \"{facts.data_key}\"}}}}' | kubectl "
            f"create configmap {facts.configmap[1]} --namespace {facts.configmap[0]} "
            f"--from-file={facts.data_key}=/dev/stdin",
        )


def _agents(report: Report) -> Iterator[Note]:
    facts = report.facts
    if isinstance(facts.agents, Unseen):
        if report.of(Condition.NO_LEASE):
            yield Note(Weight.MISSING, f"whose agents there are cannot be seen: {facts.agents.reason}")  # fmt: skip
        return
    if not facts.agents and report.of(Condition.NO_AGENT):
        yield Note(
            Weight.ERROR,
            "there is no DaemonSet of a masquerade agent: nobody reads the ConfigMap (on GKE, the rules that a node is "
            "started with stay)",
        )
    for each in facts.agents:
        if not each.tells and report.of(Condition.UNVERIFIED):
            yield Note(Weight.NOTE, _unverified(each, report))
        if each.tells and not each.configmaps:
            named = quote(each.argument("configmap") or "")
            yield Note(Weight.WARNING, f"{each} has --configmap={named}, which names no ConfigMap: its agents do not begin")  # fmt: skip
        if facts.configmap not in each.configmaps and each.configmaps:
            read = ", ".join("/".join(key) for key in each.configmaps)
            yield Note(Weight.WARNING, f"{each} reads {quote(read)} and not {_name(facts)}")


def _unverified(each: AgentSet, report: Report) -> str:
    if each.maker is Maker.WAYHOME:
        return f"{each} reads a file, so its nodes say nothing: with --configmap they say what they hold"
    return f"{each} does not say what its nodes hold; a change is read within about {reading_seconds(report):.0f} s"


def reading_seconds(report: Report) -> float:
    """Within how many seconds upstream's agents have read a change: the kubelet's time and their own."""
    found = [r.configuration for r in read_by_agents(report) if not r.tells]
    own = max((each.resync_interval for each in found if each), default=60.0)
    return KUBELET_SECONDS + own


def _warnings(report: Report) -> Iterator[Note]:
    found, wanted = read_by_agents(report), report.wanted
    said = {str(finding) for reading in found for finding in reading.findings}
    if not isinstance(wanted, Unseen) and isinstance(wanted.said, Absent):
        said.add(wanted.said.hint)
    ranges = any(forgotten(report.facts, reading) for reading in found)
    texts = list(agent_warnings(report, said, ranges_said=ranges))
    yield from (Note(Weight.WARNING, text) for text in texts[:MOST_NAMED])
    if len(texts) > MOST_NAMED:
        yield Note(Weight.WARNING, f"agents warn of {len(texts) - MOST_NAMED:,} other things (--json has them)")  # fmt: skip


def _rest(facts: Facts) -> Iterator[Note]:
    if facts.contradiction:
        yield Note(Weight.MISSING, facts.contradiction)
    for what, seen in (("the nodes", facts.nodes), ("what agents say", facts.statuses)):
        if isinstance(seen, Unseen):
            yield Note(Weight.MISSING, f"{what} cannot be seen: {seen.reason}")
    if isinstance(facts.egress_policies, Unseen):
        reason = facts.egress_policies.reason
        yield Note(Weight.NOTE, f"GKE's EgressNATPolicy objects cannot be seen: {reason}")
    elif facts.egress_policies:
        names = ", ".join(quote(key_of(policy)[1]) for policy in facts.egress_policies[:MOST_NAMED])
        yield Note(
            Weight.WARNING,
            f"GKE writes the agents' configuration from EgressNATPolicy objects ({names}), and overwrites what others "
            "write: kubectl edit egressnatpolicy default",
        )


def _gone(report: Report) -> Iterator[Note]:
    gone = report.of(Condition.GONE)
    if gone:
        names = ", ".join(quote(row.node) for row in gone[:MOST_NAMED])
        more = f" and {len(gone) - MOST_NAMED:,} more" if len(gone) > MOST_NAMED else ""
        yield Note(Weight.NOTE, f"not counted are Leases of nodes that are gone: {names}{more}")


def is_azures(facts: Facts) -> bool:
    """Whether the configuration is several files, of which the ConfigMap is one."""
    sets = _sets(facts)
    return bool(sets) and sets[0].maker is Maker.AZURE


def _sets(facts: Facts) -> tuple[AgentSet, ...]:
    return () if isinstance(facts.agents, Unseen) else facts.agents


def _name(facts: Facts) -> str:
    return "/".join(facts.configmap)
