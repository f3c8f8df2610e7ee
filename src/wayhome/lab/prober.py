"""Probes inside a lab: many at once, each from its own node, ended as soon as its packet is seen to die.

What is asked is real programs that run in the network, and nothing of it is built for the question (`LabNetwork` is the
other way round). What ends where is followed by the packets' own marks (`watch`): the request and the reply of an
attempt behind any number of masquerades are its own for certain, and a reply that a target repeats belongs to the
attempt that is over. The time-out is for what dies unseen.
"""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Self

from wayhome.lab.compiled.built import BuiltNetwork
from wayhome.lab.compiled.sightings import Relay, Sender
from wayhome.lab.compiled.watch import Outcome, Watch
from wayhome.lab.marks import begin_with
from wayhome.probe.attempt import TIMEOUT_SECONDS, Attempt, open_attempt, run
from wayhome.probe.observation import Address, Observation, Protocol


@dataclass(frozen=True, slots=True)
class Relayed:
    """Programs on these nodes open a second flow for a request, to this address and port."""

    nodes: frozenset[str]
    address: Address
    port: int


@dataclass(frozen=True, slots=True)
class Request:
    """What to try: from a node, to an address. Without a port it is the project's server's.

    `own` is the node's address that it comes from; without one the node's kernel chooses.
    """

    source: str
    address: Address
    protocol: Protocol
    port: int | None = None
    own: Address | None = None
    relayed: Relayed | None = None


class Prober:
    """Makes attempts in one network. Its event loop lives as long as it does."""

    def __init__(self, network: BuiltNetwork, seconds: float = TIMEOUT_SECONDS) -> None:
        """Probe a network that is up; `seconds` is the time-out of each attempt."""
        self._network = network
        self._seconds = seconds
        self._watch = Watch(network)
        self._runner = asyncio.Runner()

    def probe(self, requests: Sequence[Request]) -> tuple[Observation, ...]:
        """Make all attempts at once; the observations come in the order of the requests. Raises OSError."""
        return self._runner.run(self._probe(requests))

    async def _probe(self, requests: Sequence[Request]) -> tuple[Observation, ...]:
        with ExitStack() as sockets, self._watch.over(len(requests)) as outcomes:
            attempts = [
                sockets.enter_context(self._open(number, request))
                for number, request in enumerate(requests)
            ]
            return tuple(await asyncio.gather(*map(self._observe, attempts, outcomes)))

    def _open(self, number: int, request: Request) -> Attempt:
        sightings = self._watch.sightings
        with self._network.namespace(request.source).entered():
            attempt = open_attempt(
                request.protocol, request.address, sightings.ports, request.port, own=request.own
            )
        flow = attempt.flow
        sender = Sender(number, request.source, attempt.channel, (str(flow.destination), flow.port))
        if request.protocol is Protocol.ICMP:
            sightings.sends(attempt.nonce, sender)
        else:
            begin_with(attempt.channel, sightings.begins(sender))
        if relayed := request.relayed:
            upstream = (str(relayed.address), relayed.port)
            sightings.relayed(Relay(number, relayed.nodes, upstream))
        return attempt

    async def _observe(self, attempt: Attempt, outcome: Outcome) -> Observation:
        """Where the target itself does not say which source it saw, its node does."""
        observation = await run(attempt, outcome.lost, self._seconds)
        told = observation.source_seen if observation.reached else None
        if told is None:
            self._watch.read()
        seen = told or outcome.source_seen or observation.source_seen
        return replace(observation, source_seen=seen)

    def close(self) -> None:
        """Let go of the event loop."""
        self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
