"""Cloud NAT: which sources of a network it gives an external address."""

from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.address import Address as ReservedAddress
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.router import Nat, NatSubnetwork, Router
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.located import Located
from wayhome.network import Address, Evidence, PrefixSet
from wayhome.prefixes import Prefix

CHOSEN_BY_GOOGLE = Address.parse("192.0.2.1")
"""Stands for an address that no export tells: one for documentation (RFC 5737), which nobody has."""

ALL = "ALL_IP_RANGES"
PRIMARY = "PRIMARY_IP_RANGE"
SECONDARY = "LIST_OF_SECONDARY_IP_RANGES"


@dataclass(frozen=True, slots=True)
class NatSource:
    """Sources that leave with an address."""

    sources: PrefixSet
    address: Address
    evidence: Evidence
    assumption: str


def nat_sources(estate: Estate, network: Located[Network]) -> Iterator[NatSource]:
    """The sources of all gateways of a network."""
    for router in estate.of(Router, network.name):
        for number, nat in enumerate(router.value.nats):
            if nat.type != "PUBLIC":
                continue
            at = router.at("nats", number)
            sources = PrefixSet.of(_sources(estate, network, router.value, nat))
            if sources.prefixes:
                address, assumption = _address(estate, nat)
                yield NatSource(sources, address, at, assumption)


def _sources(
    estate: Estate, network: Located[Network], router: Router, nat: Nat
) -> Iterator[Prefix]:
    """Ranges of the router's region."""
    chosen = {item.name: item for item in nat.subnetworks}
    for subnet in estate.of(Subnetwork, network.name):
        if subnet.value.region != router.region:
            continue
        match nat.source_subnetwork_ip_ranges_to_nat:
            case "ALL_SUBNETWORKS_ALL_IP_RANGES":
                yield from _ranges(subnet.value, (ALL,), ())
            case "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES":
                yield from _ranges(subnet.value, (PRIMARY,), ())
            case _:
                item: NatSubnetwork | None = chosen.get(subnet.evidence.object)  # type: ignore[call-overload]
                if item is not None:
                    names = item.secondary_ip_range_names
                    yield from _ranges(subnet.value, item.source_ip_ranges_to_nat, names)


def _ranges(subnet: Subnetwork, which: tuple[str, ...], names: tuple[str, ...]) -> Iterator[Prefix]:
    if subnet.ip_cidr_range is not None and (ALL in which or PRIMARY in which):
        yield subnet.ip_cidr_range.prefix
    for secondary in subnet.secondary_ip_ranges:
        if ALL in which or (SECONDARY in which and secondary.range_name in names):
            yield secondary.ip_cidr_range.prefix


def _address(estate: Estate, nat: Nat) -> tuple[Address, str]:
    for name in nat.nat_ips:
        reserved = estate.get(ReservedAddress, name)
        value = reserved.value.address if reserved is not None else None
        if value is not None:
            return Address(value.family, value.value), ""
    return (
        CHOSEN_BY_GOOGLE,
        f"Cloud NAT {nat.name} gives an address that Google chose, here {CHOSEN_BY_GOOGLE}",
    )
