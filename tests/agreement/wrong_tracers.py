"""Tracers that are wrong in one way each. Each is a function of an estate, so that it may compile it wrongly, too."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import msgspec

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.gcp.resources.network import Network as VpcNetwork
from wayhome.clouds.gcp.resources.network import Peering
from wayhome.clouds.located import Located
from wayhome.lab.check import Tracer
from wayhome.network import Flow, Network, Node, Port
from wayhome.trace import Trace, trace
from wayhome.trace.tracking import Tracking

Wrong = Callable[[Estate], Tracer]


def _of_other_exports(changed: Callable[[Estate], Iterator[Located[Any]]]) -> Wrong:
    """The right tracer, which was told something else."""

    def wrong(estate: Estate) -> Tracer:
        network = compile_estate(estate.with_changes(changed=list(changed(estate))))
        return lambda _, flow, at: trace(network, flow, at)

    return wrong


def _peerings(**flags: bool) -> Wrong:
    def changed(estate: Estate) -> Iterator[Located[Any]]:
        for one in estate.all(VpcNetwork).values():
            peerings = tuple(_with(peering, flags) for peering in one.value.peerings)
            value = msgspec.structs.replace(one.value, peerings=peerings)
            yield Located(value, one.evidence)

    return _of_other_exports(changed)


def _with(peering: Peering, flags: dict[str, bool]) -> Peering:
    return msgspec.structs.replace(peering, **flags)


def _rules(**fields: Any) -> Wrong:
    def changed(estate: Estate) -> Iterator[Located[Any]]:
        for one in estate.all(FirewallRule).values():
            yield Located(msgspec.structs.replace(one.value, **fields), one.evidence)

    return _of_other_exports(changed)


def _nodes(changed: Callable[[Node], Node]) -> Wrong:
    """The right tracer on a network in which every node lacks something."""

    def wrong(estate: Estate) -> Tracer:
        network = compile_estate(estate)
        lacking = Network.of(map(changed, network.nodes), network.links)
        return lambda _, flow, at: trace(lacking, flow, at)

    return wrong


def _ports(changed: Callable[[Port], Port]) -> Wrong:
    return _nodes(lambda node: replace(node, ports=tuple(map(changed, node.ports))))


def _patched(where: Any, name: str, instead: Callable[..., Any]) -> Wrong:
    @contextmanager
    def broken() -> Iterator[None]:
        with patch.object(where, name, instead):
            yield

    def wrong(_: Estate) -> Tracer:
        def ask(network: Network, flow: Flow, at: str) -> Trace:
            with broken():
                return trace(network, flow, at)

        return ask

    return wrong


WRONG: dict[str, Wrong] = {
    "all firewall rules are ignored": _ports(
        lambda port: replace(port, filter_in=None, filter_out=None)
    ),
    "rules on the way out are ignored": _ports(lambda port: replace(port, filter_in=None)),
    "a rule's priority is ignored": _rules(priority=1000),
    "a rule's target tags are ignored": _rules(target_tags=()),
    "a disabled rule counts": _rules(disabled=False),
    "replies meet the rules": _patched(Tracking, "is_reply", lambda *_: False),
    "an export flag is ignored": _peerings(export_custom_routes=True),
    "an import flag is ignored": _peerings(import_custom_routes=True),
    "public subnets are always exchanged": _peerings(
        export_subnet_routes_with_public_ip=True, import_subnet_routes_with_public_ip=True
    ),
    "nothing is masqueraded": _nodes(lambda node: replace(node, translation_out=())),
    "a translation is not undone": _patched(Tracking, "confirm", lambda *_: None),
    "everything runs": _nodes(lambda node: replace(node, not_running=None)),
}
