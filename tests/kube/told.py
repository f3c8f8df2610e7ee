"""An agent's tally in a test's hands, what it writes to the tests' API server, and the log of that."""

import io
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.kube.api_server.kinds import LEASE, NAMESPACE, Kind, Object
from tests.kube.api_server.server import ApiServer
from tests.kube.link import Link, access
from tests.kube.steps import write

from wayhome.agent.complaints import Complaints
from wayhome.agent.holding import Held, Holding
from wayhome.agent.lease_writer import LeaseWriter
from wayhome.agent.logs import Format, Log
from wayhome.agent.node_status import ScopeFacts, status_of
from wayhome.agent.reading import Present, Reading
from wayhome.agent.tally import Tally
from wayhome.agent.told import Told
from wayhome.kernel import Change, ChangeKind
from wayhome.kube.client import Client
from wayhome.kube.objects import ObjectVersion
from wayhome.kube.status_lease import NodeStatus, from_lease
from wayhome.policy import Settings

STATUS = "wayhome-status"
GOOD = b"nonMasqueradeCIDRs: [10.0.0.0/8]\n"
BAD = b"nonMasqueradeCIDRs:\n- 10.0.0.1/8\n"
EPOCH = datetime(2026, 3, 4, tzinfo=UTC)
UID = "0a1b-2c3d"


def present(data: bytes, version: str) -> Present:
    """A ConfigMap's text."""
    about = ObjectVersion("kube-system", "ip-masq-agent", UID, version)
    return Present(data, version, "config", objects=(about,))


def now() -> datetime:
    """A moment that the tally's clock agrees with."""
    return EPOCH


class Node:
    """What its keeper would have told."""

    def __init__(self, name: str = "node-a") -> None:
        self.name = name
        self.tally = Tally(clock=lambda: now().timestamp())
        self.holding = Holding(Settings())
        self.scope = ScopeFacts()
        self.nudges: list[Callable[[], None]] = []

    @property
    def held(self) -> Held | None:
        return self.tally.held

    def status(self) -> NodeStatus | None:
        about = NodeStatus(node=self.name, source="configmap kube-system/ip-masq-agent config", pod="wayhome/p")  # fmt: skip
        return status_of(about, self.tally, self.scope, now())

    def reads(self, reading: Reading, *, applies: bool = True) -> None:
        """The source says something, and, unless the kernel is slow, that is brought there."""
        self.tally.source(self.holding.observe(reading, 0.0))
        if applies:
            self.applies()
        self.nudge()

    def applies(self) -> None:
        assert self.tally.held
        self.tally.applied(self.tally.held, Change(ChangeKind.NOTHING, 0.0), 0.0)
        self.tally.verified()

    def nudge(self) -> None:
        for each in self.nudges:
            each()


class Teller:
    """One node's Lease writer and complaints, on one link to one server."""

    def __init__(self, link: Link, node: Node, *, nodes: int = 200, draws: random.Random) -> None:
        self.stream = io.StringIO()
        self.told = Told()
        client, log = Client(access(), connect=link.connect), Log(Format.JSON, self.stream)
        self.writer = LeaseWriter(
            client,
            STATUS,
            node.status,
            nodes=lambda: nodes,
            node_uid=lambda: "f00d",
            log=log,
            told=self.told,
            random=draws.random,
            now=now,
        )
        self.complaints = Complaints(
            client,
            lambda: node.held,
            nodes=lambda: nodes,
            node=node.name,
            pod="wayhome/p",
            log=log,
            told=self.told,
            random=draws.random,
            now=now,
        )
        node.nudges += [self.writer.nudge, self.complaints.nudge]

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


def with_namespace(server: ApiServer, name: str = STATUS) -> ApiServer:
    write(server, NAMESPACE, name, {})
    return server


def lease(server: ApiServer, node: str = "node-a") -> NodeStatus | None:
    found = stored(server, LEASE, (STATUS, node))
    return from_lease(found) if found else None


def stored(server: ApiServer, kind: Kind, key: tuple[str, str]) -> Object | None:
    return server.store.get(kind, key)
