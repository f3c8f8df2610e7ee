"""Builds a network: a namespace for each node, and in it links, addresses, rules, tables, filters and translation.

All links are made first, each with both ends at once in their nodes' namespaces, and without ARP: the two ends have
the same hardware address, so a node sends by a link without asking who is there. That is what a link of the model is,
and no neighbour has to be found before the first packet passes. The nodes' rules are then loaded by several `nft` at a
time, while the others' routes are made.
"""

import errno
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import count

from wayhome.lab import programs, sysctls
from wayhome.lab.compiled import held, rtnetlink, rules
from wayhome.lab.compiled.held import Held
from wayhome.lab.compiled.matches import Families
from wayhome.lab.compiled.mtus import mtu, narrow_ends, narrow_ports
from wayhome.lab.compiled.names import Interface, Names
from wayhome.lab.compiled.paths import LOOPBACK, Paths, paths_of
from wayhome.lab.compiled.rtnetlink import Message, Rtnetlink
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.network import Network, Node
from wayhome.prefixes import Family

CARRIER_SECONDS = 10.0
_NFT_AT_ONCE = max(2, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class BuiltNode:
    """A node of the network, and what it is in the kernel.

    `refused` says why its own rules were not loaded, where it has any and they were not.
    """

    node: Node
    names: Names
    namespace: NetworkNamespace
    refused: str = ""
    tables: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """The kernel's tables, by the names of the node's (`paths`)."""


def build(
    network: Network, stack: ExitStack, *, log: bool = True, own: Held = held.NOTHING
) -> dict[str, BuiltNode]:
    """Build all of it; the namespaces live as long as `stack`. Raises OSError, ProgramError.

    Without `log` what is dropped is counted and not told (`rules`). `own` are the rules of nodes that hold some.
    """
    numbers = count(2)
    families = families_of(network)
    built = {
        node.name: BuiltNode(
            node,
            Names.of(node, numbers, own[node.name].devices if node.name in own else {}),
            stack.enter_context(NetworkNamespace.create()),
        )
        for node in network.nodes
    }
    built |= _with_own_rules(built, own)
    network = held.without(
        network, [name for name in own if own[name].loads and not built[name].refused]
    )
    for one in built.values():
        with one.namespace.entered():
            settings = sysctls.settings(forwards=one.node.forwards, ipv6=Family.IPV6 in families)
            sysctls.write(settings)
    paths = {
        name: paths_of(network.places[name], one.names, families) for name, one in built.items()
    }
    narrow = narrow_ports(network)
    with Rtnetlink.opened() as here:
        here.obey(_links(network, built))
    _dig(stack.enter_context(NetworkNamespace.create()), built, numbers)
    with ThreadPoolExecutor(_NFT_AT_ONCE) as pool:
        loading = [
            pool.submit(
                _load,
                one,
                rules.render(
                    network.places[name], one.names, families, log=log, narrow=narrow.get(name, ())
                ),
            )
            for name, one in built.items()
        ]
        for name, one in built.items():
            _configure(one, paths[name])
        for done in loading:
            done.result()
    for one in built.values():
        _wait_for_carriers(one)
    return {name: replace(one, tables=paths[name].tables) for name, one in built.items()}


def _with_own_rules(built: dict[str, BuiltNode], own: Held) -> Iterator[tuple[str, BuiltNode]]:
    def load(name: str) -> str:
        with built[name].namespace.entered():
            return held.load(own[name])

    with ThreadPoolExecutor(_NFT_AT_ONCE) as pool:
        for name, refused in zip(own, pool.map(load, own), strict=True):
            yield name, replace(built[name], refused=refused)


def families_of(network: Network) -> Families:
    """The families that somebody has an address or a prefix of."""
    found = {address.family for node in network.nodes for address in node.addresses}
    found |= {prefix.family for node in network.nodes for prefix in node.local}
    return tuple(family for family in Family if family in found) or (Family.IPV4,)


def _links(network: Network, built: dict[str, BuiltNode]) -> Iterator[Message]:
    for link in network.links:
        one, other = built[link.a.node], built[link.b.node]
        yield rtnetlink.pair(
            one.names.ports[link.a.port],
            one.namespace.descriptor,
            other.names.ports[link.b.port],
            other.namespace.descriptor,
            mtu(network, link),
            in_one_piece=bool(narrow_ends(network, link)),
        )


def _dig(pit: NetworkNamespace, built: dict[str, BuiltNode], numbers: Iterator[int]) -> None:
    """Lead all sinks to a namespace that has no addresses and does not forward: its kernel drops what arrives.

    A bridge is the node's own, and needs no other end; a kernel without bridges gets a pair of that name.
    """
    with pit.entered(), Rtnetlink.opened() as here:
        sysctls.write(sysctls.settings(forwards=False, ipv6=False))
        for one in built.values():
            for sink in one.names.sinks.values():
                if sink.is_bridge and _bridged(here, sink, one):
                    continue
                end = Interface(f"e{sink.index}", next(numbers))
                here.obey(
                    [
                        rtnetlink.pair(sink, one.namespace.descriptor, end, pit.descriptor, None),
                        rtnetlink.up(end),
                    ]
                )


def _bridged(here: Rtnetlink, sink: Interface, one: BuiltNode) -> bool:
    try:
        here.obey([rtnetlink.bridge(sink, one.namespace.descriptor)])
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        return False
    return True


def _load(one: BuiltNode, text: str) -> None:
    with one.namespace.entered():
        programs.run(("nft", "-f", "-"), text)


def _configure(one: BuiltNode, paths: Paths) -> None:
    with one.namespace.entered(), Rtnetlink.opened() as here:
        here.obey(_up(one.names))
        here.obey(_addresses(one))
        here.obey(map(rtnetlink.route, paths.routes))
        here.obey(map(rtnetlink.rule, paths.rules))


def _up(names: Names) -> Iterator[Message]:
    """Each says what it is in the network, whose names do not fit a kernel: a port, or where drops of a cause go."""
    for port, interface in names.ports.items():
        yield rtnetlink.up(interface, port)
    for (cause, _), interface in names.sinks.items():
        yield rtnetlink.up(interface, cause)


def _addresses(one: BuiltNode) -> Iterator[Message]:
    for port in one.node.ports:
        for address in port.addresses:
            yield rtnetlink.address(one.names.ports[port.name], address)
    for prefix in dict.fromkeys(one.node.local):
        if prefix not in {address.prefix for address in one.node.addresses}:
            yield rtnetlink.local(prefix, LOOPBACK)


def _wait_for_carriers(one: BuiltNode) -> None:
    """An interface sends nothing before it knows of its carrier, which a work queue of the kernel tells it."""
    wanted = {port.index: name for name, port in one.names.ports.items()}
    wanted |= {s.index: cause for (cause, _), s in one.names.sinks.items() if not s.is_bridge}
    until = time.monotonic() + CARRIER_SECONDS
    with one.namespace.entered(), Rtnetlink.opened() as here:
        while missing := wanted.keys() - here.running():
            if time.monotonic() > until:
                ports = ", ".join(wanted[index] for index in missing)
                raise OSError(errno.ENETDOWN, f"no carrier at {ports} of {one.node.name}")
            time.sleep(0.001)
