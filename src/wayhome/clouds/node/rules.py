"""What a node translates: the nat rules of everybody on it, walked in the order in which the kernel calls them.

Conditions that are about the interface are settled by the node's own routes; those about the protocol by walking the
rules once for each. What else a rule asks of a packet is not known beforehand: there the outcome is asked for both ways.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from wayhome.clouds.node.outputs import RULES, NodeOutputError
from wayhome.clouds.node_state import NodeOutput, NodeState
from wayhome.netfilter.agent_chains import agent_chains
from wayhome.netfilter.iptables_save import is_complete
from wayhome.netfilter.rules import BaseChain, Effect, Rule, Sources, Variant
from wayhome.netfilter.ruleset import base_chains
from wayhome.netfilter.walk import Subject, Translation, translations
from wayhome.netfilter.writers import writer_of
from wayhome.network import (
    Address,
    Either,
    Evidence,
    FallThrough,
    Keep,
    Masquerade,
    Missing,
    PrefixSet,
    Protocol,
    ProtocolMatch,
    To,
    TranslationAction,
    TranslationChain,
    TranslationRule,
)
from wayhome.prefixes import Family, Intervals, Prefix

CHAIN = "held by the node"
AGENT_STEP = "GKE_POD_IP_MASQUERADING"
FOREIGN_STEP = "FOREIGN_RULE"
OWN_TABLE = ("inet", "wayhome")
_SAVED = {
    NodeOutput.IPTABLES_NFT: (Variant.IPTABLES_NFT, Family.IPV4),
    NodeOutput.IPTABLES_LEGACY: (Variant.IPTABLES_LEGACY, Family.IPV4),
    NodeOutput.IP6TABLES_NFT: (Variant.IPTABLES_NFT, Family.IPV6),
    NodeOutput.IP6TABLES_LEGACY: (Variant.IPTABLES_LEGACY, Family.IPV6),
}
_PROTOCOLS = {str(one): one for one in Protocol} | {
    "icmpv6": Protocol.ICMP,
    "ipv6-icmp": Protocol.ICMP,
}
_INTERFACE = re.compile(r'(?:(! )?-o|meta oifname( !=)?) "?([^\s"]+)"?')
_PROTOCOL = re.compile(r"(?:(! )?-p|(?:meta l4proto|ip protocol)( !=)?) (?:(\S+)|\{ (.+) \})")
_LED_ELSEWHERE = "ct status dnat"
"""What our agent asks before it keeps an address, so that whoever led the packet to a Service may masquerade it: that
packet has kube-proxy's mark."""
_TO = re.compile(r"(?:--to-source|snat to) ([0-9a-fA-F.:]+?)(?::\d+(?:-\d+)?)?(?:\s|$)")


def chains_of(state: NodeState) -> tuple[BaseChain, ...] | None:
    """The node's nat chains in the kernel's order; None where no output holds any. Raises NodeOutputError."""
    if not any(output in state.outputs for output in RULES):
        return None
    saved = {}
    for output, place in _SAVED.items():
        located = state.outputs.get(output)
        if located is None:
            continue
        if not is_complete(located.value):
            raise NodeOutputError(output, "it ends in the middle of a table", located.evidence)
        saved[place] = located.value
    nft = state.outputs.get(NodeOutput.NFT)
    if nft is None:
        return _parsed(None, tuple(saved.items()))
    try:
        return _parsed(nft.value, tuple(saved.items()))
    except ValueError as error:
        raise NodeOutputError(NodeOutput.NFT, str(error), nft.evidence) from None


@lru_cache(maxsize=4)
def _parsed(
    nft: str | None, saved: tuple[tuple[tuple[Variant, Family], str], ...]
) -> tuple[BaseChain, ...]:
    """Every repair is compiled anew, and a node may have 50,000 rules: their text is read once."""
    return base_chains(nft, dict(saved))


def translation_of(
    state: NodeState, pods: Iterable[Address], devices: Collection[str]
) -> TranslationChain | None:
    """What becomes of the addresses of the node's Pods; None where its rules were not collected.

    `devices` are the node's interfaces to its networks. Raises NodeOutputError.
    """
    bases = chains_of(state)
    if bases is None:
        return None
    rules: list[TranslationRule] = []
    for family, sources in _alike(bases, pods):
        scope = PrefixSet(tuple(Prefix(family, value, family.bits) for value in sources))
        subject = Subject(family, Intervals.of((value, value) for value in sources))
        for base in bases:
            for translation, protocols in _by_protocol(base, subject, devices):
                rules.append(_rule(state, base, translation, scope, protocols))
    rules.append(
        TranslationRule(
            action=FallThrough(),
            locally_sent=False,
            reason="no rule that the node holds translates it",
            evidence=_evidence(state, None),
        )
    )
    return TranslationChain(CHAIN, tuple(rules))


def is_an_agents(base: BaseChain, path: Iterable[Rule]) -> bool:
    """Whether the rules are a masquerade agent's: upstream's, GKE's, Azure's or ours."""
    names = {chain.name for chain in agent_chains([base])}
    return (base.family, base.table) == OWN_TABLE or any(rule.chain in names for rule in path)


def _alike(
    bases: tuple[BaseChain, ...], pods: Iterable[Address]
) -> Iterator[tuple[Family, list[int]]]:
    """Pods of which all rules think the same: they are walked together."""
    conditions = [
        condition
        for base in bases
        for rules in base.chains.values()
        for rule in rules
        for condition in rule.conditions
        if isinstance(condition, Sources)
    ]
    groups: dict[tuple[Family, tuple[bool, ...]], list[int]] = defaultdict(list)
    for pod in pods:
        held = tuple(c.family is pod.family and pod.value in c.addresses for c in conditions)
        groups[pod.family, held].append(pod.value)
    for (family, _), values in groups.items():
        yield family, values


Protocols = tuple[ProtocolMatch, ...] | None


def _by_protocol(
    base: BaseChain, subject: Subject, devices: Collection[str]
) -> Iterator[tuple[Translation, Protocols]]:
    """A chain's translations for each protocol; for all together where they are the same."""

    def of(protocol: Protocol) -> tuple[Translation, ...]:
        def fulfils(text: str) -> bool | None:
            if text == _LED_ELSEWHERE:
                return False
            by_interface = _by_interface(text, devices)
            return _is_of(text, protocol) if by_interface is None else by_interface

        return translations(base, replace(subject, fulfils=fulfils))

    found = {protocol: of(protocol) for protocol in Protocol}
    first, *others = found.values()
    if all(other == first for other in others):
        yield from ((translation, None) for translation in first)
        return
    for protocol, its in found.items():
        yield from ((translation, (ProtocolMatch(protocol),)) for translation in its)


def _rule(
    state: NodeState,
    base: BaseChain,
    translation: Translation,
    sources: PrefixSet,
    protocols: Protocols,
) -> TranslationRule:
    agent = is_an_agents(base, translation.path)
    evidence = _evidence(state, base.variant, translation.family)
    return TranslationRule(
        action=_action(translation, state),
        sources=sources,
        destinations=PrefixSet(
            tuple(
                prefix
                for first, last in translation.destinations.spans
                for prefix in Prefix.from_interval(translation.family, first, last)
            )
        ),
        protocols=protocols,
        locally_sent=False,
        step=AGENT_STEP if agent else f"{FOREIGN_STEP} {described(base, translation)}",
        reason="identity: nobody else may change it",
        evidence=evidence,
    )


def described(base: BaseChain, translation: Translation) -> str:
    """Whose rule it is, where it stands, and what it says."""
    writer = writer_of(base, translation.path)
    rule = translation.rule
    whose = f"of {writer.name} " if writer else ""
    return f"{whose}in {base.family} {base.table} {rule.chain} ({base.variant}): {rule.text}"


def _action(translation: Translation, state: NodeState) -> TranslationAction:
    action: TranslationAction = Masquerade()
    if translation.rule.effect is Effect.IDENTITY:
        action = Keep()
    elif to := _TO.search(translation.rule.text):
        action = To(Address.parse(to[1]))
    if translation.is_certain:
        return action
    node = state.name.rpartition("/")[2]
    asked = " ".join((*translation.conditions, *translation.unless))
    fact = f"whether the packet fulfils `{asked}`, which a rule on {node} asks of it"
    command = f"conntrack -L --orig-src POD_ADDRESS  # on {node}, while the Pod is connected"
    return Either((action, FallThrough()), Missing(fact, command))


def _by_interface(text: str, devices: Collection[str]) -> bool | None:
    """Whether what leaves by one of the devices fulfils a condition; None where it is about something else."""
    match = _INTERFACE.fullmatch(text)
    if match is None or not devices:
        return None
    wanted = match[3]
    answers = {
        device.startswith(wanted[:-1]) if wanted.endswith(("+", "*")) else device == wanted
        for device in devices
    }
    if len(answers) > 1:
        return None
    return answers.pop() != bool(match[1] or match[2])


def _is_of(text: str, protocol: Protocol) -> bool | None:
    """Whether packets of a protocol fulfil a condition; None where it is about something else."""
    match = _PROTOCOL.fullmatch(text)
    if match is None:
        return None
    wanted = {_PROTOCOLS.get(name) for name in (match[3] or match[4]).split(", ")}
    return (protocol in wanted) != bool(match[1] or match[2])


def _evidence(
    state: NodeState, variant: Variant | None, family: Family = Family.IPV4
) -> Evidence | None:
    output = next(
        (output for output, place in _SAVED.items() if place == (variant, family)), NodeOutput.NFT
    )
    located = state.outputs.get(output) or next(
        (state.outputs[one] for one in RULES if one in state.outputs), None
    )
    return located.evidence if located else None
