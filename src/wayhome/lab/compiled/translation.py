"""Translation as chains of nftables' nat.

A rule on the way in hangs in prerouting, and in output for what the node itself sends. A chain on the way out is a chain
of postrouting, one for each of the model's, of rising priority: to the kernel they are one list, in which the first
translation holds, so that a `return` hands over to the next and the identity ends the search.

A node masquerades by the port's own address, or where the port has none by the node's; the kernel would take that of
any interface. What a policy decides stands in the very rules that the agent gives the kernel, in a chain of their own.

A nat chain sees a connection's first packet only. A mark that it gives is kept with the connection, and given again to
each later packet that goes the same way.
"""

from collections.abc import Iterator
from dataclasses import replace

from wayhome.lab.compiled import agent_rules
from wayhome.lab.compiled.matches import HEADER, Families, Line, matches, of_family
from wayhome.lab.compiled.names import TABLE, Names
from wayhome.network import (
    Address,
    Ask,
    DestinationRule,
    Drop,
    Either,
    FallThrough,
    Keep,
    Masquerade,
    Place,
    To,
    TranslationAction,
    TranslationRule,
)
from wayhome.prefixes import Family
from wayhome.trace.translating import NO_ADDRESS

DSTNAT, SRCNAT = -100, 100
MARKED = 0x4000
"""What kube-proxy's mark looks like to the agent's rules (`Masquerade.kube_proxy_mark_bit`)."""


def kernel_mark(mark: int) -> int:
    """The model's marks as a kernel's: told apart by the upper half, and all of them kube-proxy's to the agent."""
    return (mark << 16 | MARKED) & 0xFFFFFFFF


class Translations:
    """The chains of one node's translation."""

    def __init__(self, place: Place, names: Names, families: Families) -> None:
        self._place = place
        self._node = place.node
        self._names = names
        self._families = families
        self._asked = {
            id(rule): f"ask{at}"
            for at, rule in enumerate(r for c in self._node.translation_out for r in c.rules)
        }

    def declarations(self) -> Iterator[str]:
        """Chains, before any rule."""
        if self._node.translation_in:
            yield f"chain {TABLE} dnat_in {{ type nat hook prerouting priority {DSTNAT} ; }}"
            yield f"chain {TABLE} dnat_out {{ type nat hook output priority {DSTNAT} ; }}"
            yield f"chain {TABLE} mark_in {{ type filter hook prerouting priority {DSTNAT + 10} ; }}"
            yield f"chain {TABLE} mark_out {{ type route hook output priority {DSTNAT + 10} ; }}"
        for at, inward in enumerate(self._node.translation_in):
            yield f"chain {TABLE} to{at}"
            if not isinstance(inward.action, Drop) and len(inward.action) > 1:
                for target in range(len(inward.action)):
                    yield f"chain {TABLE} to{at}_{target}"
        for at, chain in enumerate(self._node.translation_out):
            yield f"chain {TABLE} snat{at} {{ type nat hook postrouting priority {SRCNAT + at} ; }}"
            for rule in chain.rules:
                action = known(rule.action)
                if isinstance(action, Ask):
                    yield from agent_rules.declarations(action.policy, self._asked[id(rule)])

    def rules(self) -> Iterator[Line]:
        """All rules."""
        yield from self._asked_rules()
        for at, inward in enumerate(self._node.translation_in):
            yield from self._to(at, inward)
            yield from self._inward(at, inward)
        if self._node.translation_in:
            for marking in ("mark_in", "mark_out"):
                yield marking, "ct direction original ct mark != 0 meta mark set ct mark", None
        for at, chain in enumerate(self._node.translation_out):
            for rule in chain.rules:
                for family in self._families:
                    yield from self._outward(f"snat{at}", rule, family)

    def _inward(self, at: int, rule: DestinationRule) -> Iterator[Line]:
        conditions = (rule.sources, rule.destinations, rule.protocols)
        for match in matches(*conditions, self._families):
            if rule.locally_sent is not True:
                yield "dnat_in", f"{self._entering(rule.in_ports)} {match} goto to{at}", None
            if rule.locally_sent is not False and not rule.in_ports:
                yield "dnat_out", f"{match} goto to{at}", None

    def _entering(self, ports: frozenset[str]) -> str:
        return f"iifname {self._interfaces(ports)}" if ports else 'iifname != "lo"'

    def _to(self, at: int, rule: DestinationRule) -> Iterator[Line]:
        chain = f"to{at}"
        if rule.mark:
            mark = kernel_mark(rule.mark)
            yield chain, f"meta mark set {mark} ct mark set {mark}", None
        if isinstance(rule.action, Drop):
            yield chain, "", rule.action.cause
            return
        if len(rule.action) > 1:
            ways = ", ".join(f"{n} : goto to{at}_{n}" for n in range(len(rule.action)))
            yield chain, f"numgen random mod {len(rule.action)} vmap {{ {ways} }}", None
        for number, target in enumerate(rule.action):
            if len(rule.action) > 1:
                chain = f"to{at}_{number}"
            family = target.address.family
            if family not in self._families:
                continue
            to = f"dnat {HEADER[family]} to"
            if target.port is not None:
                host = f"[{target.address}]" if family is Family.IPV6 else str(target.address)
                ports = f"meta l4proto {{ tcp, udp }} {to} {host}:{target.port}"
                yield chain, f"{of_family(family)} {ports}", None
            yield chain, f"{of_family(family)} {to} {target.address}", None

    def _outward(self, chain: str, rule: TranslationRule, family: Family) -> Iterator[Line]:
        for match in matches(rule.sources, rule.destinations, rule.protocols, (family,)):
            condition = f"{match or of_family(family)} {_conditions(rule)}"
            yield from self._translated(chain, condition, rule, family)

    def _translated(
        self, chain: str, match: str, rule: TranslationRule, family: Family
    ) -> Iterator[Line]:
        leaving = self._interfaces(rule.out_ports or frozenset(self._names.ports))
        action = known(rule.action)
        match action:
            case FallThrough():
                yield chain, f"oifname {leaving} {match} return", None
            case Keep():
                keep = f"snat {HEADER[family]} to {HEADER[family]} saddr"
                yield chain, f"oifname {leaving} {match} {keep}", None
            case To(address):
                if address.family is family:
                    to = f"snat {HEADER[family]} to {address}"
                    yield chain, f"oifname {leaving} {match} {to}", None
            case Masquerade():
                yield from self._masquerade(chain, match, rule, family)
            case Ask():
                asked = self._asked[id(rule)]
                yield chain, f"oifname {leaving} {match} jump {asked}", None
                kept = replace(rule, action=action.kept)
                yield from self._translated(chain, match, kept, family)

    def _masquerade(
        self, chain: str, match: str, rule: TranslationRule, family: Family
    ) -> Iterator[Line]:
        for name, port in self._place.ports.items():
            if rule.out_ports and name not in rule.out_ports:
                continue
            leaving = f'oifname "{self._names.ports[name].name}" {match}'
            own = self._place.own_address(family, port)
            if own is None:
                yield chain, leaving, NO_ADDRESS
            else:
                yield chain, f"{leaving} snat {HEADER[family]} to {own}", None

    def _asked_rules(self) -> Iterator[Line]:
        """What the policies say."""
        for rule in (rule for chain in self._node.translation_out for rule in chain.rules):
            action = known(rule.action)
            if isinstance(action, Ask):
                asked = self._asked[id(rule)]
                for text in agent_rules.rules(action.policy, asked, self._without_address()):
                    yield asked, text, None

    def _without_address(self) -> dict[str, Address]:
        """Interfaces that have no address, and what the node has."""
        return {
            self._names.ports[port.name].name: own
            for port in self._node.ports
            for family in self._families
            if (own := self._place.own_address(family, port)) and own not in port.addresses
        }

    def _interfaces(self, ports: frozenset[str]) -> str:
        names = sorted(f'"{self._names.ports[port].name}"' for port in ports)
        return f"{{ {', '.join(names)} }}"


def _conditions(rule: TranslationRule) -> str:
    parts = []
    if rule.locally_sent is not None:
        parts.append(f"meta iif {'' if rule.locally_sent else '!= '}0")
    if rule.mark is not None:
        parts.append(f"meta mark {kernel_mark(rule.mark) if rule.mark else 0}")
    return " ".join(parts)


def known(action: TranslationAction) -> TranslationAction:
    """What is built of a configuration that is not known: its first alternative."""
    while isinstance(action, Either):
        action = action.alternatives[0]
    return action
