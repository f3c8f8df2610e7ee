"""What a node translates: the nat rules of everybody on it, walked in the order in which the kernel calls them.

Conditions that are about the interface are settled by the node's own routes, those about the protocol are the rule's.
What else a rule asks of a packet is not known beforehand: there the outcome is asked for both ways.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
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
_PROTOCOL = re.compile(r"(?:-p|meta l4proto|ip protocol) (\S+)")
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
            for translation in translations(base, subject):
                rules += _rule(state, base, translation, scope, devices)
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


def _rule(
    state: NodeState,
    base: BaseChain,
    translation: Translation,
    sources: PrefixSet,
    devices: Collection[str],
) -> Iterator[TranslationRule]:
    protocols: list[ProtocolMatch] = []
    unknown: list[str] = []
    for text in translation.conditions:
        if (by_interface := _by_interface(text, devices)) is not None:
            if not by_interface:
                return
        elif protocol := _PROTOCOL.fullmatch(text):
            if protocol[1] not in _PROTOCOLS:
                return
            protocols.append(ProtocolMatch(_PROTOCOLS[protocol[1]]))
        else:
            unknown.append(text)
    agent = is_an_agents(base, translation.path)
    evidence = _evidence(state, base.variant, translation.family)
    yield TranslationRule(
        action=_action(translation, unknown, state),
        sources=sources,
        destinations=PrefixSet(
            tuple(
                prefix
                for first, last in translation.destinations.spans
                for prefix in Prefix.from_interval(translation.family, first, last)
            )
        ),
        protocols=tuple(protocols) or None,
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


def _action(translation: Translation, unknown: list[str], state: NodeState) -> TranslationAction:
    action: TranslationAction = Masquerade()
    if translation.rule.effect is Effect.IDENTITY:
        action = Keep()
    elif to := _TO.search(translation.rule.text):
        action = To(Address.parse(to[1]))
    if not unknown:
        return action
    node = state.name.rpartition("/")[2]
    fact = f"whether the packet fulfils `{' '.join(unknown)}`, which a rule on {node} asks of it"
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
