"""Who has an address in a network: instances' interfaces and internal forwarding rules, made into indices once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.instance import Instance, NetworkInterface
from wayhome.clouds.gcp.resources.load_balancing import ForwardingRule
from wayhome.clouds.located import Located
from wayhome.prefixes import Family, Prefix, PrefixTable, parse_address


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface of an instance. Its port at the network's fabric is called `port`."""

    instance: Located[Instance]
    number: int

    @property
    def value(self) -> NetworkInterface:
        """The interface as exported."""
        return self.instance.value.network_interfaces[self.number]

    @property
    def name(self) -> str:
        """`nic0`; older exports name none, and a name that was used before is told apart by its number."""
        name = self.value.name or f"nic{self.number}"
        earlier = self.instance.value.network_interfaces[: self.number]
        used = {other.name or f"nic{place}" for place, other in enumerate(earlier)}
        return f"{name}#{self.number}" if name in used else name

    @property
    def port(self) -> str:
        """The name of the fabric's port to it."""
        return f"{self.instance.name}/{self.name}"


def interfaces(instance: Located[Instance]) -> Iterator[Interface]:
    """The interfaces of an instance, the primary one first."""
    for number in range(len(instance.value.network_interfaces)):
        yield Interface(instance, number)


@dataclass(frozen=True, slots=True)
class Addresses:
    """By network and address as text: the interface that has it as its primary one, or the forwarding rule."""

    primary: Mapping[tuple[str, str], Interface]
    forwarding_rules: Mapping[tuple[str, str], Located[ForwardingRule]]
    aliases: Mapping[str, PrefixTable[Interface]]
    """By network: the interfaces that have alias ranges."""

    def is_alias(self, network: str, address: str) -> bool:
        """Whether an interface has the address in an alias range."""
        table = self.aliases.get(network)
        family, value = parse_address(address)
        return table is not None and family is table.family and table.lookup(value) is not None

    @classmethod
    def of(cls, estate: Estate) -> "Addresses":
        """The addresses of all networks. Of two objects with one address the first stays."""
        primary: dict[tuple[str, str], Interface] = {}
        aliases: dict[str, list[tuple[Prefix, Interface]]] = {}
        for instance in estate.all(Instance).values():
            for interface in interfaces(instance):
                value = interface.value
                for address in (value.network_ip, value.ipv6_address):
                    if address is not None:
                        primary.setdefault((value.network, address), interface)
                for alias in value.alias_ip_ranges:
                    aliases.setdefault(value.network, []).append(
                        (alias.ip_cidr_range.prefix, interface)
                    )
        rules: dict[tuple[str, str], Located[ForwardingRule]] = {}
        for rule in estate.all(ForwardingRule).values():
            if rule.value.network and rule.value.ip_address:
                rules.setdefault((rule.value.network, rule.value.ip_address), rule)
        tables = {name: PrefixTable(Family.IPV4, items) for name, items in aliases.items()}
        return cls(primary, rules, tables)
