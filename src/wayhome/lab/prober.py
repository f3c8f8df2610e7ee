"""Probes inside a lab: many at once, each from its own node, ended as soon as its packet is seen to die.

Each drop that the lab sees is matched with the attempts that are running, by what the packet carries inside and no
translation changes (`marks`). The request and the reply of an attempt behind any number of masquerades are its own
for certain, so are those of two attempts behind the same one, and a reply that a target repeats belongs to the
attempt that is over. Where the reply was going is the address that the target saw.

Where a node's own kernel refuses to send, its routes say why (`refusal`). The time-out is for what dies unseen.
"""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Self

from wayhome.lab import refusal
from wayhome.lab.drops import DropLog
from wayhome.lab.marks import Mark, begin_with, first_sequences
from wayhome.lab.network import Network
from wayhome.lab.witness import EchoWitness
from wayhome.probe.attempt import TIMEOUT_SECONDS, Attempt, open_attempt, run
from wayhome.probe.flow import identifiers
from wayhome.probe.observation import Address, Leg, Loss, Observation, Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """What to try: from a node, to an address of a node. Without a port it is the project's server's."""

    source: str
    destination: str
    address: Address
    protocol: Protocol
    port: int | None = None


@dataclass(frozen=True, slots=True)
class _Running:
    attempt: Attempt
    mark: Mark
    lost: asyncio.Future[Loss]


class Prober:
    """Makes attempts in one network. Its event loop lives as long as it does."""

    def __init__(self, network: Network, seconds: float = TIMEOUT_SECONDS) -> None:
        """Probe a network that is up; `seconds` is the time-out of each attempt."""
        self._network = network
        self._seconds = seconds
        self._identifiers = identifiers()
        self._first_sequences = first_sequences()
        self._running: list[_Running] = []
        self._held = ExitStack()
        self._runner = self._held.enter_context(asyncio.Runner())
        self._witnesses: dict[str, EchoWitness] = {}

    def probe(self, requests: Sequence[Request]) -> tuple[Observation, ...]:
        """Make all attempts at once; the observations come in the order of the requests. Raises OSError."""
        return self._runner.run(self._probe(requests))

    async def _probe(self, requests: Sequence[Request]) -> tuple[Observation, ...]:
        loop = asyncio.get_running_loop()
        for log in self._network.drop_logs:
            # The loop reads before the attempts send: what died before is nobody's, and leaves its room.
            loop.add_reader(log.fileno(), self._notice, log)
        with ExitStack() as sockets:
            try:
                self._running = [self._open(request, sockets) for request in requests]
                seen = await asyncio.gather(
                    *(run(one.attempt, one.lost, self._seconds) for one in self._running)
                )
                return tuple(map(self._completed, requests, self._running, seen))
            finally:
                self._running = []
                for log in self._network.drop_logs:
                    loop.remove_reader(log.fileno())

    def _open(self, request: Request, sockets: ExitStack) -> _Running:
        if request.protocol is Protocol.ICMP and request.destination not in self._witnesses:
            witness = EchoWitness(self._network.namespace(request.destination))
            self._held.callback(witness.close)
            self._witnesses[request.destination] = witness
        with self._network.namespace(request.source).entered():
            attempt = sockets.enter_context(
                open_attempt(request.protocol, request.address, self._identifiers, request.port)
            )
            first_sequence = next(self._first_sequences)
            if request.protocol is not Protocol.ICMP:
                begin_with(attempt.channel, first_sequence)
        mark = Mark(attempt.flow, attempt.nonce, first_sequence)
        return _Running(attempt, mark, asyncio.get_running_loop().create_future())

    def _notice(self, log: DropLog) -> None:
        for drop in log.read():
            for one in self._running:
                if drop.packet and not one.lost.done() and (leg := one.mark.leg(drop.packet)):
                    loss = Loss(leg, drop.node, drop.cause, drop.packet.destination)
                    one.lost.set_result(loss)

    def _completed(
        self, request: Request, running: _Running, observation: Observation
    ) -> Observation:
        """With what the attempt itself cannot know: the source's routes, and what the target saw."""
        if observation.error is not None:
            node = self._network.topology.by_name[request.source]
            if cause := refusal.cause(node, request.address, observation.error):
                loss = Loss(Leg.REQUEST, request.source, cause, request.address)
                observation = observation.lost_by(loss)
        if request.protocol is not Protocol.ICMP:
            return observation
        source = self._witnesses[request.destination].source_of(running.attempt.nonce)
        return replace(observation, source_seen=source or observation.source_seen)

    def close(self) -> None:
        """Let go of the event loop and of the sockets on the targets."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
