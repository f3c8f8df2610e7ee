"""What a ConfigMap's text means to those who read it. Pure.

The same text may mean different things: each DaemonSet has flags of its own (IPv6, the default list), and wayhome's
agents may be told several ConfigMaps, whose lists they unite (`policy.configmaps`). So it is read once for each way in
which an agent on some node reads it, and what is wrong in one way only is said with the name of who reads it so.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from wayhome.cluster.agent_sets import AgentSet, settings_of
from wayhome.cluster.look import Facts, Unseen
from wayhome.cluster.nodes import ClusterNode, Kind, pod_ranges
from wayhome.cluster.wanted import digests_of
from wayhome.kube.configmap import Absent, Said, Text, Unknown, Wrong, read_configmap, united
from wayhome.kube.objects import Key
from wayhome.policy import Configuration, Finding, Parsed, Settings, parse
from wayhome.policy.configmaps import SEVERAL
from wayhome.policy.configuration import defaults
from wayhome.policy.coverage import uncovered


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read it, and what comes of it."""

    settings: Settings
    configmaps: tuple[Key, ...]
    """All that are united; a single one is read by itself."""
    readers: tuple[AgentSet, ...]
    """Whose agents read it so; empty where nobody is known who reads it."""
    said: Said
    """What all of them say together."""
    parsed: Parsed | None
    """None where it is not known what another one says."""

    @property
    def configuration(self) -> Configuration | None:
        """None where there are errors, or something is not known."""
        return self.parsed.configuration if self.parsed else None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them, by line."""
        return self.parsed.findings if self.parsed else ()

    @property
    def is_united(self) -> bool:
        """Whether the text in `said` is one of several."""
        return len(self.configmaps) > 1

    @property
    def tells(self) -> bool:
        """Whether these agents say what they hold, and can be asked."""
        return any(each.tells for each in self.readers)


def readings(facts: Facts, said: Said) -> tuple[Reading, ...]:
    """What it means if the ConfigMap says `said`: at least one, that of wayhome's agents first."""
    return tuple(
        _reading(settings, keys, tuple(readers), _together(facts, keys, said))
        for settings, keys, readers in _ways(facts)
    )


def digests(facts: Facts, said: Said) -> frozenset[str]:
    """What nodes may say that they hold if it says `said`: where agents unite it with others, it is of all of them."""
    each = (digests_of(_together(facts, keys, said)) for _, keys, _ in _ways(facts))
    return frozenset[str]().union(*each)


def agreed(
    found: Sequence[Reading], findings: Callable[[Reading], Sequence[Finding]]
) -> tuple[Finding, ...]:
    """What is wrong in any way, once; with whose way it is where it is not everybody's."""
    each = [(reading, frozenset(findings(reading))) for reading in found]
    every = dict.fromkeys(finding for reading in found for finding in findings(reading))
    return tuple(_named(one, [r for r, wrong in each if one in wrong], found) for one in every)


def forgotten(facts: Facts, reading: Reading) -> tuple[Finding, ...]:
    """Warnings of the cluster's Pod ranges that a configuration does not keep."""
    if isinstance(facts.nodes, Unseen) or reading.configuration is None:
        return ()
    return uncovered(reading.configuration.policy, pod_ranges(facts.nodes.values()))


def names(readers: Iterable[AgentSet]) -> str:
    """For a sentence."""
    return " and ".join(map(str, readers))


def _named(finding: Finding, by: Sequence[Reading], all_ways: Sequence[Reading]) -> Finding:
    if len(by) == len(all_ways):
        return finding
    who = names(each for reading in by for each in reading.readers)
    return replace(finding, problem=f"{finding.problem} (as {who} reads it)")


def _ways(facts: Facts) -> Iterator[tuple[Settings, tuple[Key, ...], list[AgentSet]]]:
    ways: dict[tuple[Settings, tuple[Key, ...]], list[AgentSet]] = {}
    for each in _readers(facts):
        ways.setdefault((settings_of(each), _configmaps(each, facts)), []).append(each)
    if not ways:
        yield Settings(), (facts.configmap,), []
    yield from ((settings, keys, readers) for (settings, keys), readers in ways.items())


def _readers(facts: Facts) -> list[AgentSet]:
    sets = () if isinstance(facts.agents, Unseen) else facts.agents
    reading = [each for each in sets if facts.configmap in each.configmaps] or list(sets[:1])
    nodes = None if isinstance(facts.nodes, Unseen) else facts.nodes.values()
    return [each for each in reading if nodes is None or _covers(each, nodes)] or reading


def _covers(each: AgentSet, nodes: Iterable[ClusterNode]) -> bool:
    return any(node.kind is Kind.LINUX and node.is_selected(each.selector) for node in nodes)


def _configmaps(each: AgentSet, facts: Facts) -> tuple[Key, ...]:
    # What is mounted is read as one file; only who is told names unites what stands under them.
    several = each.tells and facts.configmap in each.configmaps
    return tuple(sorted(each.configmaps)) if several else (facts.configmap,)


def _reading(
    settings: Settings, keys: tuple[Key, ...], readers: tuple[AgentSet, ...], together: Said
) -> Reading:
    parsed: Parsed | None = None
    match together:
        case Text(data):
            parsed = SEVERAL.parse(data, settings) if len(keys) > 1 else parse(data, settings)
        case Absent():
            parsed = Parsed(defaults(settings), ())
        case Wrong(findings):
            parsed = Parsed(None, findings)
    return Reading(settings, keys, readers, together, parsed)


def _together(facts: Facts, keys: Iterable[Key], said: Said) -> Said:
    return united(dict(_each(keys, facts, said)))


def _each(keys: Iterable[Key], facts: Facts, said: Said) -> Iterator[tuple[Key, Said]]:
    for key in keys:
        if key == facts.configmap:
            yield key, said
            continue
        item = facts.others.get(key, Unseen("it was not looked at"))
        if isinstance(item, Unseen):
            yield key, Unknown(f"the ConfigMap {'/'.join(key)} cannot be read: {item.reason}")
        else:
            yield key, read_configmap(key, item, facts.data_key)
