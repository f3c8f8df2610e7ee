"""The case over a VPN, as its exports have it, and after the repair that the diagnosis proposes for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from wayhome.clouds.estate import Estate
from wayhome.clouds.read import read_estate
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.advertise_range import KIND, advertise_range
from wayhome.lab import programs
from wayhome.lab.bgp import Speaker, Told
from wayhome.lab.compiled import Asked
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.network import Address, Flow, Network, NodeKind, Protocol

EXPORTS = Path(__file__).parents[3] / "examples/the-case-vpn/exports"
SOURCE = "projects/source-project/global/networks/my-network"
DESTINATION = "projects/destination-project/global/networks/target-network"
OFFICE = "projects/source-project/global/externalVpnGateways/office"
OFFICE_HOST = Address.parse("192.168.10.7")
PODS = "172.16.0.0/16"
SILENCE = """
table inet silence {
    chain quiet {
        type filter hook forward priority 0; policy drop;
    }
}
"""


def speaker(told: Told, node: str) -> Speaker:
    return next(one for one in told.speakers if one.node == node)


@cache
def exported() -> Estate:
    return read_estate(EXPORTS)


@cache
def repaired() -> Estate:
    question = Question.parse("my-pod", "target-gce-01:80")
    answer = Answer.to(exported(), question, kinds=(advertise_range,))
    (repair,) = [one for one in answer.repairs if one.proposal.kind == KIND]
    assert repair.works
    assert repair.after is not None
    return repair.after.estate


@contextmanager
def silent(namespace: NetworkNamespace) -> Iterator[None]:
    """Whatever would pass through this node is dropped."""
    with namespace.entered():
        programs.run(("nft", "-f", "-"), SILENCE)
    try:
        yield
    finally:
        with namespace.entered():
            programs.run(("nft", "delete", "table", "inet", "silence"), "")


def all_flows(network: Network) -> list[Asked]:
    """Between all Pods, instances and the office, by all protocols."""
    ends = {
        node.name: node.addresses[0]
        for node in network.nodes
        if node.kind in {NodeKind.POD, NodeKind.INSTANCE}
    }
    ends[OFFICE] = OFFICE_HOST
    return [
        Asked(Flow(source, destination, protocol, port), at)
        for at, source in ends.items()
        for to, destination in ends.items()
        if at != to
        for protocol, port in ((Protocol.TCP, 80), (Protocol.UDP, 53), (Protocol.ICMP, None))
    ]
