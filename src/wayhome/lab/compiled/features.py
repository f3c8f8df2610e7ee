"""What a kernel must have for a lab, each with a way to try it by itself (`missing` does, once something was refused)."""

import socket
from collections.abc import Callable
from dataclasses import dataclass

from wayhome.lab import programs
from wayhome.lab.compiled import rtnetlink
from wayhome.lab.compiled.names import Interface
from wayhome.lab.compiled.paths import KernelRoute, KernelRule
from wayhome.lab.compiled.rtnetlink import Rtnetlink
from wayhome.lab.drops import DropLog
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.network import Address, Network
from wayhome.prefixes import Family, Prefix

_ONE, _OTHER = Interface("one", 2), Interface("other", 3)
_TABLE = (
    "add table inet probe\nadd chain inet probe c { type filter hook prerouting priority 0 ; }\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """Something that a kernel may have. `module` is empty for what is part of the kernel itself, or not there.

    `behind` names the feature without which this one cannot be tried.
    """

    name: str
    option: str
    module: str = ""
    behind: str = ""
    probe: Callable[[], None]
    """Uses it in the network that the calling thread is in. Raises OSError, ProgramError."""
    needed: Callable[[Network], bool] = lambda _: True

    def __str__(self) -> str:
        module = f", module {self.module}" if self.module else ""
        return f"{self.name} ({self.option}{module})"


def _veth() -> None:
    with NetworkNamespace.current() as here, Rtnetlink.opened() as channel:
        channel.obey([rtnetlink.pair(_ONE, here.descriptor, _OTHER, here.descriptor, None)])


def _multipath() -> None:
    with NetworkNamespace.current() as here, Rtnetlink.opened() as channel:
        shared = KernelRoute(
            table=1000, destination=Prefix(Family.IPV4, 0, 0), interfaces=(_ONE, _OTHER)
        )
        channel.obey(
            [
                rtnetlink.pair(_ONE, here.descriptor, _OTHER, here.descriptor, None),
                rtnetlink.up(_ONE),
                rtnetlink.up(_OTHER),
                rtnetlink.route(shared),
            ]
        )


def _rules(family: Family) -> Callable[[], None]:
    def probe() -> None:
        wanted = KernelRule(priority=1000, table=1000, family=family, interface="lo", mark=1)
        with Rtnetlink.opened() as channel:
            channel.obey([rtnetlink.rule(wanted)])

    return probe


def _ipv6() -> None:
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
    with NetworkNamespace.current() as here, Rtnetlink.opened() as channel:
        channel.obey(
            [
                rtnetlink.pair(_ONE, here.descriptor, _OTHER, here.descriptor, None),
                rtnetlink.address(_ONE, Address.parse("fd00::1")),
            ]
        )


def _log() -> None:
    _nft('add rule inet probe c log group 1 prefix "x"')()
    with NetworkNamespace.current() as here:
        DropLog("probe", here).close()


def _nft(text: str) -> Callable[[], None]:
    return lambda: programs.run(("nft", "-f", "-"), f"{_TABLE}{text}\n")


def _translates(network: Network) -> bool:
    return any(node.translates for node in network.nodes)


def _is_ipv6(network: Network) -> bool:
    families = {address.family for node in network.nodes for address in node.addresses}
    families |= {prefix.family for node in network.nodes for prefix in node.local}
    return Family.IPV6 in families


IPV6 = Feature(name="IPv6", option="CONFIG_IPV6", module="ipv6", probe=_ipv6, needed=_is_ipv6)
_NFT = "nftables for both families"
FEATURES = (
    Feature(name="pairs of interfaces", option="CONFIG_VETH", module="veth", probe=_veth),
    Feature(name="routing rules", option="CONFIG_IP_MULTIPLE_TABLES", probe=_rules(Family.IPV4)),
    Feature(
        name="routes with several ways",
        option="CONFIG_IP_ROUTE_MULTIPATH",
        behind="pairs of interfaces",
        probe=_multipath,
    ),
    IPV6,
    Feature(
        name="routing rules of IPv6",
        option="CONFIG_IPV6_MULTIPLE_TABLES",
        behind=IPV6.name,
        probe=_rules(Family.IPV6),
        needed=_is_ipv6,
    ),
    Feature(
        name=_NFT,
        option="CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET",
        module="nf_tables",
        probe=_nft("add rule inet probe c counter"),
    ),
    Feature(
        name="sets that rules add to",
        option="CONFIG_NF_TABLES of Linux 5.6 or newer",
        behind=_NFT,
        probe=_nft(
            "add set inet probe s { typeof iif . ip saddr . tcp dport ; flags dynamic,timeout ; }\n"
            "add rule inet probe c update @s { iif . ip saddr . tcp dport timeout 60s }"
        ),
    ),
    Feature(
        name="whose an address is, in rules",
        option="CONFIG_NFT_FIB_INET",
        module="nft_fib_inet",
        behind=_NFT,
        probe=_nft("add rule inet probe c fib daddr type != local counter"),
    ),
    Feature(
        name="connection tracking in rules",
        option="CONFIG_NFT_CT",
        module="nft_ct",
        behind=_NFT,
        probe=_nft("add rule inet probe c ct mark != 0 meta mark set ct mark"),
        needed=_translates,
    ),
    Feature(
        name="address translation",
        option="CONFIG_NFT_NAT",
        module="nft_chain_nat",
        behind=_NFT,
        probe=_nft(
            "add chain inet probe n { type nat hook postrouting priority 100 ; }\n"
            "add rule inet probe n snat ip to 192.0.2.1"
        ),
        needed=_translates,
    ),
    Feature(
        name="masquerading",
        option="CONFIG_NFT_MASQ",
        module="nft_masq",
        behind="address translation",
        probe=_nft(
            "add chain inet probe n { type nat hook postrouting priority 100 ; }\n"
            "add rule inet probe n masquerade"
        ),
        needed=_translates,
    ),
    Feature(
        name="choices in rules",
        option="CONFIG_NFT_NUMGEN",
        module="nft_numgen",
        behind=_NFT,
        probe=_nft("add rule inet probe c numgen random mod 2 vmap { 0 : accept, 1 : accept }"),
        needed=_translates,
    ),
)
LOG = Feature(
    name="packets that are logged to programs",
    option="CONFIG_NFT_LOG, CONFIG_NETFILTER_NETLINK_LOG",
    module="nfnetlink_log",
    behind=_NFT,
    probe=_log,
)
"""A lab is built without it too; then it is not seen where a packet dies."""
