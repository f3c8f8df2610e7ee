"""Whom a question means: `my-pod`, `shop/web`, `gke-node-02`, `test-gce-01`, `10.2.0.1:80`, `web:80`, `db.shop:5432`.

A name is looked for among Pods, Kubernetes nodes and instances, and may be given in full. An address is its owner's;
where networks overlap there may be several, and then only a name can say which one asks.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.compile.special_paths import ADDRESSES, NAME
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.kubernetes.attach import host_name
from wayhome.clouds.kubernetes.masquerading import pod_ranges
from wayhome.clouds.kubernetes.nodes_of_google import nodes_of_google
from wayhome.clouds.kubernetes.resources.node import Node as KubernetesNode
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.kubernetes.resources.service import Service
from wayhome.clouds.located import Located
from wayhome.clouds.values import NETWORK_NAME
from wayhome.network import Address, Network, PrefixSet
from wayhome.policy.findings import quote
from wayhome.prefixes import Family, Prefix, parse_address

SHOWN = 5
NOBODYS = PrefixSet.parse(
    "0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "::/127", "ff00::/8"
)
NOBODYS_NAMES = (
    "this host, a group of hosts, or all of them, and no network carries it from one to another"
)
_BRACKETED = re.compile(r"\[(?P<host>[^]]*)](?::(?P<port>.*))?")


class EndpointError(ValueError):
    """Nobody is meant, or several are; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One side of a flow: a node of the network, and the address that it uses there."""

    name: str
    """For people: `Pod default/my-pod`."""
    node: str
    address: Address


def find_source(estate: Estate, network: Network, text: str, asked: Endpoint | Address) -> Endpoint:
    """Who asks for a destination. Raises EndpointError."""
    address = _address(text)
    if address is None:
        return _named(estate, network, text)
    if address in ADDRESSES:
        return _special(network, text, address, asked)
    owners = network.owners(address)
    if not owners:
        raise EndpointError(
            f"no exported object has the address {text}; {_instead(estate, address)}"
        )
    if len(owners) > 1:
        names = ", ".join(sorted(node.name for node in owners)[:SHOWN])
        raise EndpointError(f"{text} is the address of several: {names}; write one of these names")
    return Endpoint(owners[0].name, owners[0].name, address)


def _instead(estate: Estate, address: Address) -> str:
    """What to export, where a node gives its Pods such addresses; else what to write."""
    for node in (*estate.all(KubernetesNode).values(), *nodes_of_google(estate)):
        if any(prefix.contains(*address) for prefix in pod_ranges(node)):
            name = quote(node.value.metadata.name)
            return f"it is of the range of {name}'s Pods: export them: kubectl get pods --all-namespaces -o json"
    return "write the name of a Pod, a node or an instance"


def _special(network: Network, text: str, address: Address, asked: Endpoint | Address) -> Endpoint:
    """Who asks past every route: Google's own, in the one network that the destination is in."""
    owners = (
        [asked.node] if isinstance(asked, Endpoint) else [n.name for n in network.owners(asked)]
    )
    found = dict.fromkeys(at for owner in owners for at in networks_at(network, owner))
    names = [name for at in found if (name := f"{at}/{NAME}") in network.places]
    if len(names) == 1:
        return Endpoint(names[0], names[0], address)
    who = asked.name if isinstance(asked, Endpoint) else asked
    where = "is in several networks" if names else "is in no exported network"
    raise EndpointError(
        f"{text} is one of the addresses from which Google's health checks, resolvers and proxies ask, each in one "
        f"network, and {who} {where}; write the name of an exported Pod, node or instance as the destination"
    )


def networks_at(network: Network, node: str) -> tuple[str, ...]:
    """The VPC networks that a node is in; a Pod is in those of the node that it runs on."""
    places = network.places
    near = [end.node for end in places[node].peers.values()]
    behind = [
        end.node
        for name in near
        if not NETWORK_NAME.fullmatch(name)
        for end in places[name].peers.values()
    ]
    return tuple(dict.fromkeys(name for name in (*near, *behind) if NETWORK_NAME.fullmatch(name)))


def find_destination(estate: Estate, network: Network, text: str) -> Endpoint | Address:
    """What is asked for: an endpoint or a Service by name, or an address, whoever has it. Raises EndpointError."""
    address = _address(text)
    if address is not None:
        if address in NOBODYS:
            raise EndpointError(
                f"{text} is {NOBODYS_NAMES}; write the address of one machine or Pod"
            )
        return address
    services = [one for one in estate.all(Service).values() if text in _names_of_service(one)]
    if len(services) == 1 and not any(text in one.names for one in _everybody(estate, network)):
        return _cluster_address(services[0])
    if services:
        names = ", ".join(sorted(_names_of_service(one)[1] for one in services)[:SHOWN])
        raise EndpointError(
            f"{quote(text)} means several, the Services {names} among them; write the address"
        )
    return _named(estate, network, text)


def names(estate: Estate, network: Network) -> dict[str, tuple[str, ...]]:
    """By the nodes' full names, what Pods, Kubernetes nodes and instances on them are called."""
    found: dict[str, tuple[str, ...]] = {}
    for one in _everybody(estate, network):
        if one.node in network.places:
            found[one.node] = (*found.get(one.node, ()), *one.names)
    return found


def _names_of_service(service: Located[Service]) -> tuple[str, ...]:
    """As clients write it, and its full name."""
    name, namespace = service.value.metadata.name, service.value.metadata.namespace
    short = f"{name}.{namespace}"
    return (
        name,
        f"{namespace}/{name}",
        short,
        f"{short}.svc",
        f"{short}.svc.cluster.local",
        service.name,
    )


def _cluster_address(service: Located[Service]) -> Address:
    text = service.value.spec.cluster_ip
    address = _address(text)
    if address is None:
        raise EndpointError(
            f"the Service {service.value.metadata.name} has no address of its own; write the name of a Pod behind it"
        )
    return address


def split_port(text: str) -> tuple[str, int | None]:
    """`HOST:PORT` or `HOST`; an IPv6 address with a port stands in brackets. Raises EndpointError."""
    host, port = text, None
    if bracketed := _BRACKETED.fullmatch(text):
        host, port = bracketed["host"], bracketed["port"]
    elif text.count(":") == 1:  # with more, it is an IPv6 address
        host, _, port = text.partition(":")
    if port is None:
        return host, None
    if not port:
        raise EndpointError(
            f"no port stands behind the colon of {quote(text)}; write {quote(host)} or a number behind it"
        )
    if not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
        raise EndpointError(f"{quote(port)} is no port; write a number from 1 to 65535")
    return host, int(port)


@dataclass(frozen=True, slots=True)
class _Known:
    """Something with a name."""

    names: tuple[str, ...]
    label: str
    node: str
    addresses: tuple[Address, ...]
    phase: str = ""


def _named(estate: Estate, network: Network, text: str) -> Endpoint:
    if not text.strip():
        raise EndpointError(
            "a name is empty; write that of a Pod, a node or an instance, or an address"
        )
    if _is_prefix(text):
        raise EndpointError(
            f"{quote(text)} is a prefix; write one address of it (`wayhome audit` asks about all)"
        )
    known = list(_everybody(estate, network))
    meant = {one.node: one for one in known if text in one.names}
    if len(meant) > 1:
        labels = ", ".join(sorted(one.names[-1] for one in meant.values())[:SHOWN])
        raise EndpointError(
            f"{quote(text)} means several: {labels}; write one of these names in full"
        )
    if not meant:
        raise EndpointError(
            f"{quote(text)} is no Pod, node or instance of the exports{_near(text, known)}"
        )
    (one,) = meant.values()
    if not one.addresses:
        phase = f"; its phase is {quote(one.phase)}" if one.phase else ""
        raise EndpointError(f"{one.label} has no address in the exports{phase}")
    first = min(one.addresses, key=lambda address: address.family is not Family.IPV4)
    return Endpoint(one.label, one.node, first)


def _near(text: str, known: list[_Known]) -> str:
    names = list(dict.fromkeys(name for one in known for name in one.names[:1]))
    near = difflib.get_close_matches(text, names, 3) or names[:3]
    return f"; there are {len(names)}, such as {', '.join(map(quote, near))}" if near else ""


def _everybody(estate: Estate, network: Network) -> Iterator[_Known]:
    hosts: dict[tuple[str, str], str] = {}
    for kubernetes_node in estate.all(KubernetesNode).values():
        host, short = host_name(kubernetes_node), kubernetes_node.value.metadata.name
        hosts[kubernetes_node.name.partition("/k8s/")[0], short] = host
        if host not in estate.all(Instance):
            yield _Known(
                (short, kubernetes_node.name), f"node {short}", host, _addresses(network, host)
            )
    for pod in estate.all(Pod).values():
        yield _pod(pod, hosts, network)
    for instance in estate.all(Instance).values():
        if instance.name in network.places:
            names = (instance.value.name, instance.name)
            yield _Known(
                names, f"instance {names[0]}", instance.name, _addresses(network, instance.name)
            )


def _pod(pod: Located[Pod], hosts: dict[tuple[str, str], str], network: Network) -> _Known:
    metadata = pod.value.metadata
    full = f"{metadata.namespace}/{metadata.name}"
    node = pod.name
    if pod.value.spec.host_network:
        node = hosts.get((pod.name.partition("/k8s/")[0], pod.value.spec.node_name), pod.name)
    return _Known(
        (metadata.name, full, pod.name),
        f"Pod {full}",
        node,
        _addresses(network, node),
        pod.value.status.phase,
    )


def _addresses(network: Network, name: str) -> tuple[Address, ...]:
    place = network.places.get(name)
    return place.node.addresses if place else ()


def _is_prefix(text: str) -> bool:
    try:
        Prefix.parse(text)
    except ValueError:
        return False
    return True


def _address(text: str) -> Address | None:
    try:
        return Address(*parse_address(text))
    except ValueError:
        return None
