"""One ConfigMap and all nodes at once: how soon a change is everywhere, and how a disaster is answered.

The API server is the tests' own, a process of one thread: what it takes to send an event to everybody is in the
figures. The watchers are the agents' list-and-watch and nothing else, many in one process; the agents are real ones,
a process and a network each, on links to the server's. When a kernel holds a change is the agent's own word, to the
millisecond.

The disaster is a version that is gone for all watches in the same moment (410): each has to list anew. The lists are
counted where they arrive, so the busiest half second is that of the delays that were drawn, which are even to a tenth,
and of every queue behind them: 5,000 watchers are one process here, the server is one more, and the agents compute on
the same processors. Without the agents it was 1.2 times an even spread at the server, of delays drawn at 1.1.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.kube.api_server.control import PREFIX
from tests.kube.api_server.rights import ADMIN_TOKEN

from bench.api import ROOT
from bench.figure import Figure, LackError, Measured, NotReachedError, Row, Run, Spread
from wayhome.kube.backoff import FIRST_CEILING
from wayhome.lab.compiled import BuiltNetwork
from wayhome.lab.programs import Program, RunningProgram
from wayhome.network import (
    Address,
    End,
    Forward,
    Link,
    Network,
    Node,
    NodeKind,
    Port,
    Route,
    RouteTable,
    RoutingRule,
)

SECONDS = 120.0
SERVER, PORT = "10.255.0.1", 6443
GRACE = 2.0
"""Seconds behind the last delay that may be drawn, after which everybody has to have listed."""
MEMORY_OF_AN_AGENT = 45 << 20
"""Bytes, with what the kernel keeps for its network."""

_AGENTS_MEDIAN = Row("real agents: written to the middle kernel", "ms")
_AGENTS_LAST = Row("real agents: written to the last kernel", "ms")
_WATCHERS_MEDIAN = Row("light watchers: written to the middle one", "ms")
_WATCHERS_LAST = Row("light watchers: written to the last one", "ms")
_RELIST = Row("all versions gone: until the last list", "s")
_BUSIEST = Row("all versions gone: lists in the busiest 0.5 s, of an even spread over 5 s", "times")


class Crowd:
    """The server, its agents and its watchers, in networks of their own."""

    def __init__(self, folder: Path, agents: int, watchers: int, held: ExitStack) -> None:
        self._kubeconfig = folder / "kubeconfig"
        self._agents, self._watchers = agents, watchers
        self._network = held.enter_context(BuiltNetwork(_star(agents), folder))
        self._server = self._start("server", "api", *_server(self._kubeconfig))
        self._server.wait_until(lambda text: SERVER in text, SECONDS)

    def start(self) -> None:
        """Start everybody, a few at a time: a real cluster's nodes do not boot at once on two processors."""
        self._crowd = self._start(
            "server", "watchers", sys.executable, "-m", "bench.watchers", str(self._kubeconfig), str(self._watchers)
        )  # fmt: skip
        self._running: list[RunningProgram] = []
        for number in range(self._agents):
            self._running.append(
                self._start(_name(number), "agent", *_agent(self._kubeconfig, number))
            )
            if number % 4 == 3:
                self._running[-1].wait_until(_applied_once, SECONDS)
        for agent in self._running:
            agent.wait_until(_applied_once, SECONDS)

    def write(self, text: str) -> float:
        """Write the ConfigMap. Returns the time, in seconds since the epoch, at which the request began."""
        began = time.time()
        item = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"config": text}}
        self._ask(
            "PATCH",
            "/api/v1/namespaces/kube-system/configmaps/ip-masq-agent?fieldManager=bench&force=true",
            json.dumps(item),
        )
        return began

    def watchers_heard(self, text: str) -> dict[str, float]:
        """When they had it."""
        found: dict[str, float] = {}

        def all_have(output: str) -> bool:
            for line in output.splitlines():
                said = json.loads(line)
                if said["text"] == text:
                    found.update((key, said[key]) for key in ("first", "median", "last"))
            return bool(found)

        self._crowd.wait_until(all_have, SECONDS)
        return found

    def agents_applied(self, since: float) -> list[float]:
        """When each kernel held what was written at `since`, in order."""
        times = []
        for agent in self._running:
            text = agent.wait_until(lambda text: _applied(text)[-1:] >= [since], SECONDS)
            times.append(_applied(text)[-1])
        return sorted(times)

    def expire(self) -> None:
        """The version of every watch is gone."""
        self._ask("POST", f"{PREFIX}watches", '{"action": "expire"}')

    def lists_since(self, number: int, wanted: int, seconds: float) -> list[float]:
        """When the server was asked for lists, after its first `number` calls, by its clock. Raises NotReachedError."""
        deadline = time.monotonic() + seconds
        while True:
            calls = self._calls()[number:]
            lists = [float(call["at"]) for call in calls if call["verb"] == "list"]
            if len(lists) >= wanted:
                return lists
            if time.monotonic() > deadline:
                raise NotReachedError(f"{len(lists)} of {wanted} have listed anew")
            time.sleep(0.2)

    def count_calls(self) -> int:
        """How often it was asked."""
        return len(self._calls())

    def _calls(self) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = json.loads(self._ask("GET", f"{PREFIX}calls"))
        return calls

    def _ask(self, method: str, path: str, body: str = "") -> str:
        """One request, by a program in the server's network."""
        content = "application/apply-patch+yaml" if method == "PATCH" else "application/json"
        headers = ("-H", f"Authorization: Bearer {ADMIN_TOKEN}", "-H", f"Content-Type: {content}")
        url = f"http://{SERVER}:{PORT}{path}"
        command = (
            "curl",
            "--silent",
            "--show-error",
            "--fail",
            "-X",
            method,
            *headers,
            "-d",
            body,
            url,
        )
        status, output = self._network.run(Program("server", "curl", command), SECONDS)
        if status:
            raise NotReachedError(f"{method} {path} was refused: {output}")
        return output

    def _start(self, node: str, name: str, *command: str) -> RunningProgram:
        environment = {"PYTHONPATH": f"{ROOT}"}
        return self._network.start(Program(node, name, command, environment))


def _server(kubeconfig: Path) -> tuple[str, ...]:
    where = ("--host", SERVER, "--port", str(PORT), "--kubeconfig", str(kubeconfig))
    return (sys.executable, "-m", "tests.kube.api_server", "--keep", *where)


def _agent(kubeconfig: Path, number: int) -> tuple[str, ...]:
    flags = (
        "--configmap=kube-system/ip-masq-agent",
        f"--kubeconfig={kubeconfig}",
        f"--node={_name(number)}",
    )
    return (
        sys.executable, "-OO", "-I", "-m", "wayhome.agent", *flags,
        "--state=", "--log-format=json", "--backend=nftables",
    )  # fmt: skip


def _name(number: int) -> str:
    return f"node-{number}"


def _address(number: int) -> str:
    return f"10.255.{1 + number // 250}.{1 + number % 250}"


def _star(agents: int) -> Network:
    """A server with a link to each node."""
    numbers = range(agents)
    ways = {number: f"p{number}" for number in numbers}
    server = _host("server", SERVER, {_address(number): way for number, way in ways.items()})
    nodes = (_host(_name(number), _address(number), {SERVER: "eth0"}) for number in numbers)
    links = (Link(End(_name(number), "eth0"), End("server", way)) for number, way in ways.items())
    return Network.of((server, *nodes), links)


def _host(name: str, address: str, ways: Mapping[str, str]) -> Node:
    """A host that reaches each address by its own port."""
    own = (Address.parse(address),)
    routes = (Route(Address.parse(other).prefix, Forward(way)) for other, way in ways.items())
    return Node(
        name=name,
        kind=NodeKind.INSTANCE,
        ports=tuple(Port(name=way, addresses=own) for way in ways.values()),
        rules=(RoutingRule(table="main"),),
        tables={"main": RouteTable.of(routes)},
    )


def _applied(text: str) -> list[float]:
    """When an agent applied something, by its log."""
    lines = (
        json.loads(line)
        for line in text.splitlines()
        if line.startswith("{") and line.endswith("}")
    )
    return [
        datetime.fromisoformat(line["time"]).timestamp()
        for line in lines
        if line["event"] == "applied"
    ]


def _applied_once(text: str) -> bool:
    return bool(_applied(text))


def _configuration(number: int) -> str:
    return f"nonMasqueradeCIDRs:\n  - 10.{number}.0.0/16\n"


def _memory_available() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def _measure(run: Run) -> Iterator[Measured]:
    agents, watchers, changes = run.pick(200, 20), run.pick(5000, 500), run.pick(15, 5)
    if _memory_available() < agents * MEMORY_OF_AN_AGENT + (2 << 30):
        raise LackError(f"{agents} agents need {agents * MEMORY_OF_AN_AGENT >> 30} GiB of memory")
    with ExitStack() as held:
        run.say(f"starting {agents} agents and {watchers} watchers")
        crowd = Crowd(run.folder, agents, watchers, held)
        crowd.write(_configuration(0))
        crowd.start()
        crowd.watchers_heard(_configuration(0))
        note = f"{agents} agents, {watchers:,} watchers"
        taken: dict[Row, list[float]] = {
            row: [] for row in (_AGENTS_MEDIAN, _AGENTS_LAST, _WATCHERS_MEDIAN, _WATCHERS_LAST)
        }
        for number in range(1, changes + 1):
            run.say(f"change {number} of {changes}")
            began = crowd.write(_configuration(number))
            heard = crowd.watchers_heard(_configuration(number))
            applied = crowd.agents_applied(began)
            taken[_AGENTS_MEDIAN].append(1000 * (applied[len(applied) // 2] - began))
            taken[_AGENTS_LAST].append(1000 * (applied[-1] - began))
            taken[_WATCHERS_MEDIAN].append(1000 * (heard["median"] - began))
            taken[_WATCHERS_LAST].append(1000 * (heard["last"] - began))
        for row, values in taken.items():
            yield Measured(row, Spread.of(values), note)
        run.say("all versions are gone")
        before = crowd.count_calls()
        crowd.expire()
        time.sleep(FIRST_CEILING)  # to ask the server now would hold up those who are counted
        lists = crowd.lists_since(before, agents + watchers, GRACE)
    spans = Counter(int((at - lists[0]) / 0.5) for at in lists)
    yield Measured(_RELIST, Spread.of([max(lists) - min(lists)]), note)
    even = len(lists) / (FIRST_CEILING / 0.5)
    yield Measured(_BUSIEST, Spread.of([max(spans.values()) / even]), note)


FIGURE = Figure(
    "crowd",
    "one change of the ConfigMap on all nodes, and all of them listing anew",
    "",
    (_AGENTS_MEDIAN, _AGENTS_LAST, _WATCHERS_MEDIAN, _WATCHERS_LAST, _RELIST, _BUSIEST),
    _measure,
)
