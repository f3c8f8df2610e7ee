"""A network that is up, and what becomes of flows in it.

All flows of a question are under way at once. Each ends when its answer is there, or when one of its packets is seen to
die: the rules log every drop, on every node, with its cause. It also ends when a reply is delivered and no socket waits
for it. The time-out is for what vanishes unseen, and in a network that is built as described nothing does.

The caller has left the host before (`namespaces.enter`).
"""

import asyncio
import errno
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Self

from wayhome.lab.compiled.asked import Asked, Seen
from wayhome.lab.compiled.attempt import Attempt, open_attempt
from wayhome.lab.compiled.build import BuiltNode
from wayhome.lab.compiled.built import BuiltNetwork
from wayhome.lab.compiled.features import LOG
from wayhome.lab.compiled.held import NOTHING, Held
from wayhome.lab.compiled.missing import MissingFeatureError
from wayhome.lab.compiled.proxy import Proxy
from wayhome.lab.compiled.responder import answer_datagram, answer_stream
from wayhome.lab.compiled.serving import listen, serve_datagrams, serve_streams
from wayhome.lab.compiled.watch import Outcome, Watch
from wayhome.network import Address, Drop, Network, Node, Protocol
from wayhome.prefixes import Family
from wayhome.probe.observation import Address as ProbeAddress
from wayhome.probe.observation import Leg
from wayhome.trace import Lost

TIMEOUT_SECONDS = 10.0
"""For an answer. Nothing vanishes unseen in a lab, so only a machine that is busy with something else comes near it."""
AT_ONCE = 200


class LabNetwork:
    """A network out of namespaces."""

    def __init__(
        self, network: Network, seconds: float = TIMEOUT_SECONDS, own: Held = NOTHING
    ) -> None:
        """Build it; `seconds` is how long an answer may take, `own` as for BuiltNetwork. Raises OSError, ProgramError."""
        self.network = network
        self._seconds = seconds
        self._held = ExitStack()
        self._served: set[tuple[Protocol, int]] = set()
        self._serving: list[asyncio.Task[None]] = []
        self._datagrams: list[socket.socket] = []
        try:
            self.built = self._held.enter_context(BuiltNetwork(network, own=own))
            _require_logs(self.built)
            self._watch = Watch(self.built)
            self._runner = self._held.enter_context(asyncio.Runner())
        except BaseException:
            self._held.close()
            raise

    def ask(self, questions: Sequence[Asked], seconds: float | None = None) -> list[Seen]:
        """What becomes of these flows, in their order. Raises OSError, NoSuchNodeError.

        `seconds` is how long an answer may take, where that is not what it may take at any time.
        """
        return self._runner.run(self._ask(questions, self._seconds if seconds is None else seconds))

    def close(self) -> None:
        """Take it down."""
        self._runner.run(self._stop())
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _stop(self) -> None:
        loop = asyncio.get_running_loop()
        for channel in self._datagrams:
            loop.remove_reader(channel)
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _ask(self, questions: Sequence[Asked], seconds: float) -> list[Seen]:
        self._serve(questions)
        seen: list[Seen] = []
        for first in range(0, len(questions), AT_ONCE):
            some = questions[first : first + AT_ONCE]
            with ExitStack() as sockets, self._watch.over(len(some)) as outcomes:
                attempts = [
                    sockets.enter_context(self._open(number, asked))
                    for number, asked in enumerate(some)
                ]
                ways = zip(attempts, outcomes, strict=True)
                seen += await asyncio.gather(*(self._seen(*way, seconds) for way in ways))
        return seen

    def _open(self, number: int, asked: Asked) -> Attempt:
        namespace = self.built.namespace(asked.at)
        return open_attempt(number, asked, namespace, self._watch.sightings)

    async def _seen(self, attempt: Attempt, outcome: Outcome, seconds: float) -> Seen:
        answer = asyncio.create_task(attempt.reaches())
        try:
            ends: list[asyncio.Future[Any]] = [answer, outcome.lost]
            await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            loss = outcome.lost.result() if outcome.lost.done() else None
            if loss and loss.leg is Leg.REQUEST:
                return Seen(False, Lost.FORWARD, loss.place, loss.cause)
            if outcome.delivered_to is None:
                self._watch.read()
            arrived = (_address(outcome.source_seen), outcome.delivered_to)
            if loss:
                return Seen(False, Lost.REPLY, loss.place, loss.cause, *arrived)
            if answer.done() and (refused := _refusal(answer)):
                return Seen(False, Lost.FORWARD, attempt.asked.at, refused)
            return Seen(answer.done(), None, None, None, *arrived)
        finally:
            answer.cancel()
            await asyncio.gather(answer, return_exceptions=True)

    def _serve(self, questions: Iterable[Asked]) -> None:
        """Let every node answer on the ports that are asked for, and on those that flows are led to."""
        wanted = {(asked.flow.protocol, asked.flow.port) for asked in questions if asked.flow.port}
        led_to = {port for node in self.network.nodes for port in _target_ports(node)}
        wanted |= {(protocol, port) for protocol, _ in set(wanted) for port in led_to}
        for protocol, port in wanted - self._served:
            self._served.add((protocol, port))
            for one in self.built.nodes.values():
                for family in _families(one.node):
                    self._serve_port(one, protocol, port, family)

    def _serve_port(self, one: BuiltNode, protocol: Protocol, port: int, family: Family) -> None:
        channel = self._held.enter_context(listen(one.namespace, protocol, port, family))
        proxy = self._proxy(one, protocol, port)
        if protocol is Protocol.TCP:
            serve = proxy.relay_stream if proxy else answer_stream
            self._serving.append(
                asyncio.get_running_loop().create_task(serve_streams(channel, serve))
            )
        else:
            answer = proxy.relay_datagram if proxy else answer_datagram
            self._datagrams.append(channel)
            asyncio.get_running_loop().add_reader(
                channel, partial(serve_datagrams, channel, answer)
            )

    def _proxy(self, one: BuiltNode, protocol: Protocol, port: int) -> Proxy | None:
        listener = next(
            (each for each in one.node.listeners if (each.protocol, each.port) == (protocol, port)),
            None,
        )
        if listener is None:
            return None
        return Proxy(
            one.node.name,
            one.namespace,
            listener,
            self._watch.sightings,
            lambda number, loss: self._watch.outcomes[number].lose(loss),
        )


def _require_logs(built: BuiltNetwork) -> None:
    if not built.sees_drops:
        raise MissingFeatureError.of([LOG], "no packet that is dropped can be seen")


def _refusal(answer: asyncio.Task[None]) -> str | None:
    """How the sender's own kernel refused to send, by the name of the error: no cause of the network's is called so."""
    error = answer.exception()
    if isinstance(error, OSError):
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    if error is not None:
        raise error
    return None


def _address(seen: ProbeAddress | None) -> Address | None:
    return None if seen is None else Address.parse(str(seen))


def _families(node: Node) -> set[Family]:
    return {address.family for address in node.addresses} | {prefix.family for prefix in node.local}


def _target_ports(node: Node) -> Iterator[int]:
    """The ports that flows are led to here."""
    for rule in node.translation_in:
        if not isinstance(rule.action, Drop):
            yield from (target.port for target in rule.action if target.port is not None)
    for listener in node.listeners:
        yield from (target.port for target in listener.upstreams if target.port is not None)
