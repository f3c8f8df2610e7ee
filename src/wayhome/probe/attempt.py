"""One attempt, from its socket to its observation.

HTTP is reached with its answer, TCP with its open connection, ICMP with its reply; the time is the time until then.

asyncio, although the project keeps it to the agent otherwise: the probes of one network run together on one thread,
each ends at its answer, at its time-out or at the moment when somebody saw its packet die, and a thread for each
would have to be woken from outside for the last.
"""

import asyncio
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Self

from wayhome.probe.echo import NONCE_BYTES, ask_echo
from wayhome.probe.flow import GREETING_PORT, HTTP_PORT, Flow
from wayhome.probe.observation import Address, Loss, Observation, Protocol
from wayhome.probe.stream import AnswerError, ask_any_http, ask_http, connect, read_greeting

TIMEOUT_SECONDS = 2.0
PORTS = {Protocol.HTTP: HTTP_PORT, Protocol.TCP: GREETING_PORT, Protocol.ICMP: 0}
"""Where the project's server listens."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt whose socket is open and bound, and which has sent nothing yet."""

    protocol: Protocol
    flow: Flow
    nonce: bytes
    channel: socket.socket
    host: str | None = None
    """What an HTTP request calls a target that is anybody's; None: it is the project's server."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()


def open_attempt(
    protocol: Protocol,
    destination: Address,
    identifiers: Iterator[int],
    port: int | None = None,
    host: str | None = None,
    *,
    own: Address | None = None,
) -> Attempt:
    """Open the socket, in the network that the calling thread is in. Raises OSError.

    It comes from the address `own`, or from one that the system chooses. Without `port` it is the one on which the project's server listens; ICMP has none. Without `host` it is that server
    that has to answer.
    """
    family = socket.AF_INET if destination.version == 4 else socket.AF_INET6
    if protocol is Protocol.ICMP:
        transport = socket.IPPROTO_ICMP if destination.version == 4 else socket.IPPROTO_ICMPV6
        channel = socket.socket(family, socket.SOCK_DGRAM, transport)
    else:
        transport = socket.IPPROTO_TCP
        channel = socket.socket(family, socket.SOCK_STREAM)
    try:
        channel.setblocking(False)
        _bind(channel, identifiers, own)
    except BaseException:
        channel.close()
        raise
    flow = Flow(transport, destination, PORTS[protocol] if port is None else port)
    return Attempt(protocol, flow, secrets.token_bytes(NONCE_BYTES), channel, host)


def _bind(channel: socket.socket, identifiers: Iterator[int], own: Address | None) -> None:
    """Take the next identifier that nobody holds."""
    any_address = "0.0.0.0" if channel.family == socket.AF_INET else "::"  # noqa: S104 (a client)
    address = any_address if own is None else str(own)
    for _ in range(100):
        try:
            channel.bind((address, next(identifiers)))
        except OSError as error:
            last = error
        else:
            return
    raise last


async def run(
    attempt: Attempt, lost: asyncio.Future[Loss] | None = None, seconds: float = TIMEOUT_SECONDS
) -> Observation:
    """Make the attempt: until its answer, until `lost` has a result, or until the time is over.

    Without `lost` nobody can see its packets die.
    """
    started = time.perf_counter()
    asking = asyncio.create_task(_ask(attempt))
    try:
        ends: list[asyncio.Future[Any]] = [asking] if lost is None else [asking, lost]
        await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        milliseconds = (time.perf_counter() - started) * 1000
        observation = replace(_outcome(attempt, asking, lost, seconds), milliseconds=milliseconds)
        if observation.reached and attempt.protocol is Protocol.TCP:
            return replace(observation, source_seen=await read_greeting(attempt.channel))
        return observation
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def _ask(attempt: Attempt) -> tuple[str, Address | None]:
    """The first line of an answer that has one, and the address that the target saw, where it says it."""
    flow = attempt.flow
    match attempt.protocol:
        case Protocol.HTTP:
            if attempt.host is not None:
                return await ask_any_http(
                    attempt.channel, flow.destination, flow.port, attempt.host
                )
            return "", await ask_http(attempt.channel, flow.destination, flow.port)
        case Protocol.TCP:
            # A reset of what is not open yet is "refused" (tcp_reset() in net/ipv4/tcp_input.c): this one was open.
            with suppress(ConnectionResetError, BrokenPipeError):
                await connect(attempt.channel, flow.destination, flow.port)
        case Protocol.ICMP:
            await ask_echo(attempt.channel, flow.destination, attempt.nonce)
    return "", None


def _outcome(
    attempt: Attempt,
    asking: asyncio.Task[tuple[str, Address | None]],
    lost: asyncio.Future[Loss] | None,
    seconds: float,
) -> Observation:
    """What is known now, but for the time that it took."""
    flow = attempt.flow
    bare = Observation(attempt.protocol, flow.destination, None, 0)
    try:
        if asking.done():
            answer, source = asking.result()
            return replace(bare, source_seen=source, answer=answer)
    except ConnectionRefusedError:
        reason = f"{flow.destination} refuses port {flow.port}: nothing listens there"
        return replace(bare, reason=reason, answered=True)
    except AnswerError as error:
        return replace(bare, reason=str(error), answered=True)
    except OSError as error:
        if lost is None or not lost.done():  # a death behind the error says more than the error
            reset = isinstance(error, ConnectionResetError)
            return replace(
                bare, reason=f"{error.strerror or error}", error=error.errno, answered=reset
            )
    if lost is not None and lost.done():
        return bare.lost_by(lost.result())
    watched = "" if lost is None else ", and none of its packets was seen to die"
    return replace(bare, reason=f"no answer within {seconds:g} s{watched}")
