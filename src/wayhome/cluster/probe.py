"""A target, tried from a Pod's own network and from its node, as the account tried it by hand.

From the Pod: by an ephemeral container of the agent's image, or, where that is asked for, by the programs of the Pod's
own container. From the node: by its agent's Pod, which is in the node's network. Both at once, when both are ready, so
that they see the same moment. With which address an attempt of the Pod left the node, the agent looks up in the
kernel's record of connections: that is the address that the target has to know a way home for.

A place that cannot be asked is a sentence in the place of its attempts, and never counts as good.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from wayhome.cluster.agent_pod import CONTAINER, agent_pod, left_as, probed_in
from wayhome.cluster.ephemeral_container import Used, running_container
from wayhome.cluster.own_programs import tried_by_own_programs
from wayhome.cluster.probe_attempt import Attempt, Tried
from wayhome.cluster.probe_pod import Pod, read_pod
from wayhome.cluster.probe_refused import NotAskedError
from wayhome.cluster.probe_verdict import Judged, exit_code
from wayhome.kube.client import Client
from wayhome.kube.resources import PODS
from wayhome.probe.observation import Protocol
from wayhome.probe.target import Target

ALL = (Protocol.HTTP, Protocol.TCP, Protocol.ICMP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be tried. `protocols` is empty where the user has named none: all that the target allows."""

    namespace: str
    pod: str
    target: Target
    protocols: tuple[Protocol, ...] = ()
    by_exec: bool = False
    container: str = ""
    image: str = ""
    """Of the ephemeral container; empty: that of the agent on the Pod's node."""
    seconds: float = 3.0
    """For each attempt."""
    patience: float = 60.0
    """Seconds that an ephemeral container may take to begin."""

    @property
    def tried(self) -> tuple[Protocol, ...]:
        """The protocols to try: without a port, only ICMP can be."""
        return self.protocols or (ALL if self.target.port else (Protocol.ICMP,))


@dataclass(frozen=True, slots=True)
class View:
    """What one place sees; `problem` is set exactly where it could not be asked."""

    tried: Tried
    problem: str = ""

    def of(self, protocol: Protocol) -> Attempt | None:
        """The attempt by one protocol."""
        return next((a for a in self.tried.attempts if a.protocol is protocol), None)


@dataclass(frozen=True, slots=True)
class Probed:
    """Both views. `used` is the ephemeral container; None where none was, or none began."""

    question: Question
    pod: Pod
    from_pod: View
    from_node: View
    used: Used | None = None

    @property
    def judged(self) -> tuple[Judged, ...]:
        """What they mean together, protocol by protocol."""
        return tuple(
            Judged(protocol, self.from_pod.of(protocol), self.from_node.of(protocol))
            for protocol in self.question.tried
        )

    @property
    def exit_code(self) -> int:
        """0 works, 1 fails, 3 not known."""
        return exit_code(self.judged, all_asked=bool(self.question.protocols))


async def probe(client: Client, question: Question) -> Probed:
    """Try it. Raises NotAskedError where the Pod is none that can be probed from, KubeError without an API server."""
    pod = await _fit_pod(client, question)
    agent, missing = await _agent(client, pod.node)
    used, unready = None, ""
    try:
        used = await _waiting(client, question, pod, agent)
    except NotAskedError as error:
        unready = str(error)
    from_pod, from_node = await asyncio.gather(
        _view(partial(_from_pod, client, question, pod, used), unready),
        _view(partial(_from_node, client, question, agent), missing),
    )
    if agent:
        from_pod = replace(from_pod, tried=await _with_translation(client, agent, question, from_pod.tried))  # fmt: skip
    return Probed(question, pod, from_pod, from_node, used)


async def try_from_pod(client: Client, question: Question) -> tuple[Tried, Used | None]:
    """From the Pod alone. Raises NotAskedError, KubeError."""
    pod = await _fit_pod(client, question)
    agent, _ = await _agent(client, pod.node)
    used = await _waiting(client, question, pod, agent)
    return await _from_pod(client, question, pod, used), used


async def _fit_pod(client: Client, question: Question) -> Pod:
    pod = read_pod(await client.get(PODS, question.namespace, question.pod))
    if pod.unfit:
        raise NotAskedError(pod.unfit)
    return pod


async def _agent(client: Client, node: str) -> tuple[Pod | None, str]:
    """The agent's Pod, or why there is none."""
    try:
        return await agent_pod(client, node), ""
    except NotAskedError as error:
        return None, str(error)


async def _waiting(client: Client, question: Question, pod: Pod, agent: Pod | None) -> Used | None:
    """The ephemeral container to probe from, once it runs; None where none is wanted."""
    if question.by_exec:
        return None
    image = question.image or (agent.images[CONTAINER] if agent else "")
    return await running_container(client, pod, image, question.patience)


async def _view(ask: Callable[[], Awaitable[Tried]], problem: str) -> View:
    """What a place sees; where there is a problem already, it is not asked."""
    if problem:
        return View(Tried(None, ()), problem)
    try:
        return View(await ask())
    except NotAskedError as error:
        return View(Tried(None, ()), str(error))


async def _from_pod(client: Client, question: Question, pod: Pod, used: Used | None) -> Tried:
    seconds = question.seconds
    if used:
        return await probed_in(
            client, pod, used.name, question.tried, question.target, seconds=seconds
        )
    container = question.container or next(iter(pod.images))
    return await tried_by_own_programs(
        client, pod, container, question.tried, question.target, seconds=seconds
    )


async def _from_node(client: Client, question: Question, agent: Pod | None) -> Tried:
    assert agent is not None  # noqa: S101  # where there is none, that is a problem already
    return await probed_in(
        client, agent, CONTAINER, question.tried, question.target, seconds=question.seconds
    )


async def _with_translation(client: Client, agent: Pod, question: Question, tried: Tried) -> Tried:
    """The attempts with the address that each left the node with."""
    address = tried.address
    if address is None:
        return tried

    async def looked_up(attempt: Attempt) -> Attempt:
        port = None if attempt.protocol is Protocol.ICMP else question.target.port
        return replace(
            attempt, left_as=await left_as(client, agent, attempt, Target(address, port))
        )

    attempts = await asyncio.gather(*map(looked_up, tried.attempts))
    return Tried(address, tuple(attempts))
