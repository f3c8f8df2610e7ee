"""HTTP and TCP attempts, over a socket that is already open and bound.

HTTP is reached by the answer of `/health`, in which the project's own server says which address it saw; where the target
is anybody's, any answer that is HTTP reaches, and the address is taken where one is said. TCP is reached by the
connection itself, whatever listens there. Some targets, such as the project's server, then say in one line which
address they see; it is listened for GREETING_SECONDS, and a target that says nothing or something else is no less
reached. What a target sends is not trusted: it is bounded and parsed.
"""

import asyncio
import json
import re
import socket
from contextlib import suppress
from ipaddress import IPv6Address, ip_address

from wayhome.probe.observation import Address

LONGEST_ANSWER = 64 * 1024
# A greeting is one line with an address.
LONGEST_GREETING = 256
# A server on a busy machine may take some hundred milliseconds to accept; nothing else waits for a silent target.
GREETING_SECONDS = 1.0

_STATUS_LINE = re.compile(r"HTTP/[0-9]\.[0-9] [0-9]{3}( |$)")


class AnswerError(Exception):
    """The target answered, and not with what was asked for."""


async def connect(channel: socket.socket, destination: Address, port: int) -> None:
    """Open the connection. Raises OSError."""
    await asyncio.get_running_loop().sock_connect(channel, (str(destination), port))


async def read_greeting(channel: socket.socket) -> Address | None:
    """The address that the target greets with on an open connection; None where it does not say one in time."""
    try:
        async with asyncio.timeout(GREETING_SECONDS):
            line = await _read_line(channel)
        return _address(line.decode("ascii", "replace"))
    except (OSError, AnswerError):  # TimeoutError is an OSError
        return None


async def ask_http(channel: socket.socket, destination: Address, port: int) -> Address:
    """GET /health and read the answer. Raises OSError, AnswerError."""
    await connect(channel, destination, port)
    host = f"[{destination}]" if destination.version == 6 else str(destination)
    await _send_get(channel, host)
    head, _, body = (await _read_all(channel)).partition(b"\r\n\r\n")
    status = head.partition(b"\r\n")[0].decode("ascii", "replace")
    if status.split(" ")[1:2] != ["200"]:
        raise AnswerError(f"the answer to GET /health was {status[:80]!r} and not 200")
    return _source(body)


def _source(body: bytes) -> Address:
    """The address that the project's server says in its answer."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise AnswerError("the answer to GET /health is not JSON") from error
    if not isinstance(answer, dict) or not isinstance(answer.get("source"), str):
        raise AnswerError("the answer to GET /health does not say which source it saw")
    return _address(answer["source"])


async def ask_any_http(
    channel: socket.socket, destination: Address, port: int, host: str
) -> tuple[str, Address | None]:
    """GET /health of anybody's server: its answer's first line, and the address that it says. Raises OSError, AnswerError."""
    await connect(channel, destination, port)
    await _send_get(channel, host)
    answer = bytearray()
    while b"\r\n\r\n" not in answer and len(answer) < LONGEST_ANSWER:
        if not (piece := await asyncio.get_running_loop().sock_recv(channel, 4096)):
            break
        answer += piece
    status = bytes(answer).partition(b"\n")[0].decode("ascii", "replace").strip()
    if not answer:
        raise AnswerError("the target closed the connection without an answer")
    if not _STATUS_LINE.match(status):
        raise AnswerError(f"the answer is not HTTP: {status[:80]!r}")
    with suppress(OSError, AnswerError):  # TimeoutError is an OSError
        async with asyncio.timeout(GREETING_SECONDS):
            answer += await _read_all(channel)
    try:
        return status[:80], _source(bytes(answer).partition(b"\r\n\r\n")[2])
    except AnswerError:
        return status[:80], None


async def _send_get(channel: socket.socket, host: str) -> None:
    request = f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    await asyncio.get_running_loop().sock_sendall(channel, request.encode())


async def _read_line(channel: socket.socket) -> bytes:
    line = bytearray()
    while b"\n" not in line and len(line) < LONGEST_GREETING:
        if not (piece := await asyncio.get_running_loop().sock_recv(channel, LONGEST_GREETING)):
            break
        line += piece
    return bytes(line).partition(b"\n")[0]


async def _read_all(channel: socket.socket) -> bytes:
    answer = bytearray()
    while piece := await asyncio.get_running_loop().sock_recv(channel, 4096):
        answer += piece
        if len(answer) > LONGEST_ANSWER:
            raise AnswerError(f"the answer is longer than {LONGEST_ANSWER} bytes")
    return bytes(answer)


def _address(text: str) -> Address:
    try:
        address = ip_address(text.strip())
    except ValueError as error:
        raise AnswerError(f"the answer names no address: {text[:80]!r}") from error
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped  # a dual-stack server sees IPv4 clients so
    return address
