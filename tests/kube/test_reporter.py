"""What an agent that keeps no Lease still says on its own node."""

import io
import json
from typing import Any

from tests.kube.api_server.server import ApiServer
from tests.kube.link import Link, access
from tests.kube.steps import NAME, NAMESPACE
from tests.kube.told import GOOD, Node, present
from tests.kube.virtual_time import play

from wayhome.agent.api_arguments import ApiOptions
from wayhome.agent.logs import Format, Log
from wayhome.agent.reporter import Reporter
from wayhome.kube.client import Client
from wayhome.prefixes import Prefix

NO_LEASE = ApiOptions(
    configmaps=((NAMESPACE, NAME),),
    key="config",
    kubeconfig=None,
    node="node-a",
    status_namespace="",
    nodes=200,
    pod="p",
    pod_namespace="wayhome",
)


async def told(*pod_ranges: str) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """The metrics of Pod ranges and the log, after a configuration that keeps 10.0.0.0/8 was applied."""
    node, stream = Node(), io.StringIO()
    reporter = Reporter(
        NO_LEASE,
        Client(access(), connect=Link(ApiServer()).connect),
        node.tally,
        Log(Format.JSON, stream),
        backend="nftables",
        observing=False,
        nodes=lambda: 1,
        node=None,
        given=tuple(map(Prefix.parse, pod_ranges)),
    )
    node.nudges.append(reporter.nudge)
    node.reads(present(GOOD, "7"))
    log = [json.loads(line) for line in stream.getvalue().splitlines()]
    return {metric.name: metric.samples[0].value for metric in reporter.metrics()}, log


def test_a_range_that_the_list_forgets_is_said_where_no_lease_is_kept() -> None:
    found, log = play(told("10.4.0.0/24", "192.168.7.0/24"))
    assert found["wayhome_pod_ranges_not_listed"] == 1
    (line,) = log
    assert (line["event"], "192.168.7.0/24" in line["message"]) == ("range not listed", True)


def test_nothing_is_said_of_ranges_that_are_kept() -> None:
    found, log = play(told("10.4.0.0/24"))
    assert found["wayhome_pod_ranges_not_listed"] == 0
    assert log == []
