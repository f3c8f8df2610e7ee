"""An agent's list, changed as little as may be, and the commands that put it where the agent reads.

The new list is the one that the nodes hold now with some ranges kept or masqueraded besides. It is written for the
agent that the cluster has; upstream's knows no exceptions and gets the ranges around them.
"""

import shlex
from dataclasses import dataclass, replace

import msgspec

from wayhome.clouds.kubernetes.agents import DEFAULT_KEY, ConfigSource
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.metadata import Metadata
from wayhome.clouds.located import Located
from wayhome.diagnosis.gcloud import with_input
from wayhome.diagnosis.repairs.proposal import Changes
from wayhome.diagnosis.situation import Situation
from wayhome.network import Evidence
from wayhome.policy import Action, Configuration, Policy, Settings
from wayhome.policy.configuration import parse
from wayhome.policy.lists import Lists, lists_for_upstream, shortest_lists
from wayhome.policy.written import written
from wayhome.prefixes import Family, Prefix

DEFAULT_LIMIT, MOST_RANGES = 64, 1000
"""Upstream's cidrLimit, and the most that a list is written with."""


@dataclass(frozen=True, slots=True)
class WrittenLists:
    """The new list in both forms."""

    for_wayhome: str
    for_upstream: str


def lists_without(
    held: Policy | None, destination: Prefix, own: tuple[Prefix, ...]
) -> WrittenLists:
    """The list that is held, without the destination and with the cluster's own ranges. Raises TooManyRangesError."""
    entries = held.entries if held else ()
    kept = [e.prefix for e in entries if e.action is Action.KEEP and not e.origin.is_link_local]
    if held is None:
        kept = [Prefix(Family.IPV4, 0, 0)]  # nothing is translated today
    masqueraded = [e.prefix for e in entries if e.action is Action.MASQUERADE]
    kept += [one for one in own if not any(prefix.holds(one) for prefix in kept)]
    kept = [prefix for prefix in kept if not destination.holds(prefix) or prefix in own]
    return _lists(kept, [*masqueraded, destination])


def lists_with(held: Policy, kept: tuple[Prefix, ...]) -> WrittenLists:
    """The list that is held, with these ranges kept besides. Raises TooManyRangesError."""
    entries = [entry for entry in held.entries if not entry.origin.is_link_local]
    before = [e.prefix for e in entries if e.action is Action.KEEP]
    masqueraded = [e.prefix for e in entries if e.action is Action.MASQUERADE]
    return _lists(
        [*before, *(one for one in kept if one not in before)],
        [prefix for prefix in masqueraded if prefix not in kept],
    )


def _lists(kept: list[Prefix], masqueraded: list[Prefix]) -> WrittenLists:
    lines = ["nonMasqueradeCIDRs:", *(f"  - {prefix}" for prefix in kept), "masqueradeCIDRs:"]
    lines += [f"  - {prefix}" for prefix in dict.fromkeys(masqueraded)]
    configuration = _parsed("\n".join([*lines, f"cidrLimit: {MOST_RANGES}", ""]))
    return WrittenLists(
        _written(configuration, shortest_lists(configuration)),
        _written(configuration, lists_for_upstream(configuration)),
    )


def _written(configuration: Configuration, lists: Lists) -> str:
    """Upstream's limit stays where it is enough."""
    return written(replace(configuration, cidr_limit=max(DEFAULT_LIMIT, len(lists))), lists)


def _parsed(text: str) -> Configuration:
    parsed = parse(text.encode(), Settings())
    if parsed.configuration is None:
        raise AssertionError(f"our own list is refused: {parsed.errors[0]}")
    return parsed.configuration


@dataclass(frozen=True, slots=True)
class Put:
    """A list put into a ConfigMap."""

    changes: Changes
    command: str
    undo: str


def put(situation: Situation, cluster: str, source: ConfigSource, text: str) -> Put:
    """Put a list where an agent reads."""
    before = _current(situation, cluster, source)
    after = _config_map(cluster, source, text, before)
    changes = Changes(changed=(after,)) if before else Changes(created=(after,))
    return Put(changes, _write(source, text, there=before is not None), _undo(source, before))


def _current(situation: Situation, cluster: str, source: ConfigSource) -> Located[ConfigMap] | None:
    return situation.estate.get(ConfigMap, _full_name(cluster, source))


def _full_name(cluster: str, source: ConfigSource) -> str:
    return f"{cluster}/k8s/namespaces/{source.namespace}/configmaps/{source.name}"


def _config_map(
    cluster: str, source: ConfigSource, text: str, before: Located[ConfigMap] | None
) -> Located[ConfigMap]:
    key = source.key or DEFAULT_KEY
    if before:
        data = {**(before.value.data or {}), key: text}
        return Located(msgspec.structs.replace(before.value, data=data), before.evidence)
    value = ConfigMap(
        metadata=Metadata(name=source.name, namespace=source.namespace), data={key: text}
    )
    return Located(value, Evidence(_full_name(cluster, source), ""))


def _write(source: ConfigSource, text: str, *, there: bool) -> str:
    where = f"{shlex.quote(source.name)} --namespace {shlex.quote(source.namespace)}"
    key = shlex.quote(f"{source.key}=/dev/stdin")
    replaced = " --dry-run=client -o yaml" if there else ""
    command = f"kubectl create configmap {where} --from-file={key}{replaced}"
    return with_input(command, text, "kubectl replace -f -" if there else "")


def _undo(source: ConfigSource, before: Located[ConfigMap] | None) -> str:
    text = (before.value.data or {}).get(source.key or DEFAULT_KEY) if before else None
    if text is not None:
        return _write(source, text, there=True)
    return f"kubectl delete configmap {shlex.quote(source.name)} --namespace {shlex.quote(source.namespace)}"
