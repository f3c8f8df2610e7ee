"""One attempt, from its socket to its observation.

asyncio, although the project keeps it to the agent otherwise: the probes of one network run together on one thread,
each ends at its answer, at its time-out or at the moment when somebody saw its packet die, and a thread for each
would have to be woken from outside for the last.
"""

import asyncio
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from wayhome.probe.echo import NONCE_BYTES, ask_echo
from wayhome.probe.flow import GREETING_PORT, HTTP_PORT, Flow
from wayhome.probe.observation import Address, Loss, Observation, Protocol
from wayhome.probe.stream import AnswerError, ask_http, ask_tcp

TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt whose socket is open and bound, and which has sent nothing yet."""

    protocol: Protocol
    flow: Flow
    nonce: bytes
    channel: socket.socket

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()


def open_attempt(protocol: Protocol, destination: Address, identifiers: Iterator[int]) -> Attempt:
    """Open the socket, in the network that the calling thread is in. Raises OSError."""
    family = socket.AF_INET if destination.version == 4 else socket.AF_INET6
    if protocol is Protocol.ICMP:
        transport = socket.IPPROTO_ICMP if destination.version == 4 else socket.IPPROTO_ICMPV6
        channel, port = socket.socket(family, socket.SOCK_DGRAM, transport), 0
    else:
        transport = socket.IPPROTO_TCP
        channel = socket.socket(family, socket.SOCK_STREAM)
        port = HTTP_PORT if protocol is Protocol.HTTP else GREETING_PORT
    try:
        channel.setblocking(False)
        identifier = _bind(channel, identifiers)
    except BaseException:
        channel.close()
        raise
    flow = Flow(transport, destination, port, identifier)
    return Attempt(protocol, flow, secrets.token_bytes(NONCE_BYTES), channel)


def _bind(channel: socket.socket, identifiers: Iterator[int]) -> int:
    """Take the next identifier that nobody holds."""
    any_address = "0.0.0.0" if channel.family == socket.AF_INET else "::"  # noqa: S104 (a client)
    for _ in range(100):
        identifier = next(identifiers)
        try:
            channel.bind((any_address, identifier))
        except OSError as error:
            last = error
        else:
            return identifier
    raise last


async def run(
    attempt: Attempt, lost: asyncio.Future[Loss], seconds: float = TIMEOUT_SECONDS
) -> Observation:
    """Make the attempt: until its answer, until `lost` has a result, or until the time is over."""
    started = time.perf_counter()
    asking = asyncio.create_task(_ask(attempt))
    try:
        ends: list[asyncio.Future[Any]] = [asking, lost]
        await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        milliseconds = (time.perf_counter() - started) * 1000
        seen, reason, loss = _outcome(attempt, asking, lost, seconds)
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    return Observation(attempt.protocol, attempt.flow.destination, seen, milliseconds, reason, loss)


async def _ask(attempt: Attempt) -> Address | None:
    flow = attempt.flow
    match attempt.protocol:
        case Protocol.HTTP:
            return await ask_http(attempt.channel, flow.destination, flow.port)
        case Protocol.TCP:
            return await ask_tcp(attempt.channel, flow.destination, flow.port)
        case Protocol.ICMP:
            await ask_echo(attempt.channel, flow.destination, attempt.nonce)
            return None  # an echo reply does not say it: only the target can


def _outcome(
    attempt: Attempt,
    asking: asyncio.Task[Address | None],
    lost: asyncio.Future[Loss],
    seconds: float,
) -> tuple[Address | None, str | None, Loss | None]:
    """The address seen, and the reason and the loss where it did not reach."""
    flow = attempt.flow
    if asking.done():
        try:
            return asking.result(), None, None
        except ConnectionRefusedError:
            return None, f"{flow.destination} refuses port {flow.port}: nothing listens there", None
        except AnswerError as error:
            return None, str(error), None
        except OSError as error:
            return None, f"{error.strerror or error}", None
    if lost.done():
        loss = lost.result()
        return loss.source_seen, str(loss), loss
    return (
        None,
        f"no answer within {seconds:g} s, and no packet that is certainly its own was seen to die",
        None,
    )
