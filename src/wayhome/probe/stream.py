"""HTTP and TCP attempts, over a socket that is already open and bound.

Each returns the address that the target saw, as the target says it: in the JSON answer of `/health`, or in the one
line with which the server greets a TCP connection. What a target sends is not trusted: it is bounded and parsed,
and anything else than an address is a failure with a reason.
"""

import asyncio
import json
import socket
from ipaddress import IPv6Address, ip_address

from wayhome.probe.observation import Address

LONGEST_ANSWER = 64 * 1024


class AnswerError(Exception):
    """The target answered, and not with what was asked for."""


async def ask_tcp(channel: socket.socket, destination: Address, port: int) -> Address:
    """Connect and read the greeting. Raises OSError, AnswerError."""
    await asyncio.get_running_loop().sock_connect(channel, (str(destination), port))
    return _address((await _read_all(channel)).decode("ascii", "replace"))


async def ask_http(channel: socket.socket, destination: Address, port: int) -> Address:
    """GET /health and read the answer. Raises OSError, AnswerError."""
    loop = asyncio.get_running_loop()
    await loop.sock_connect(channel, (str(destination), port))
    host = f"[{destination}]" if destination.version == 6 else str(destination)
    request = f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    await loop.sock_sendall(channel, request.encode())
    head, _, body = (await _read_all(channel)).partition(b"\r\n\r\n")
    status = head.partition(b"\r\n")[0].decode("ascii", "replace")
    if status.split(" ")[1:2] != ["200"]:
        raise AnswerError(f"the answer to GET /health was {status[:80]!r} and not 200")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise AnswerError("the answer to GET /health is not JSON") from error
    if not isinstance(answer, dict) or not isinstance(answer.get("source"), str):
        raise AnswerError("the answer to GET /health does not say which source it saw")
    return _address(answer["source"])


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
