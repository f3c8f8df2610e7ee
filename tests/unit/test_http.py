"""The agent's HTTP server, with a real client over a real socket on loopback, and clients that mean no good."""

import asyncio
import http.client
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from wayhome.agent.http import CLIENTS, Answer, serve
from wayhome.agent.serving import QUESTION_BYTES

Result = TypeVar("Result")


async def _hello() -> Answer:
    return Answer(200, "hello\n")


@asynccontextmanager
async def _serving() -> AsyncIterator[int]:
    server = serve("127.0.0.1", 0, {"/hello": _hello})
    try:
        yield server.listeners[0].getsockname()[1]
    finally:
        server.close()


def asked(ask: Callable[[int], Result]) -> Result:
    """What a client on another thread sees."""

    async def run() -> Result:
        async with _serving() as port:
            return await asyncio.to_thread(ask, port)

    return asyncio.run(run())


def request(method: str, path: str) -> Callable[[int], tuple[int, bytes, str | None]]:
    def ask(port: int) -> tuple[int, bytes, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, path)
        answer = connection.getresponse()
        found = answer.status, answer.read(), answer.getheader("Content-Length")
        connection.close()
        return found

    return ask


@pytest.mark.parametrize(
    "method, path, status, body",
    [
        ("GET", "/hello", 200, b"hello\n"),
        ("GET", "/hello?name=you", 200, b"hello\n"),
        ("HEAD", "/hello", 200, b""),
        ("GET", "/", 404, b"the paths are /hello\n"),
        ("POST", "/hello", 405, b"only GET\n"),
    ],
)
def test_answers(method: str, path: str, status: int, body: bytes) -> None:
    assert asked(request(method, path))[:2] == (status, body)


def test_a_head_says_how_long_the_body_would_be() -> None:
    assert asked(request("HEAD", "/hello"))[2] == "6"


def raw(data: bytes) -> Callable[[int], bytes]:
    def ask(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            answer = b""
            try:
                while part := client.recv(4096):
                    answer += part
            except ConnectionResetError:
                pass  # it was closed with some of the request unread
            return answer

    return ask


@pytest.mark.parametrize(
    "data", [b"", b"\0\xff", b"GET /hello HTTP/1.1\r\n", b"x" * 3 * QUESTION_BYTES]
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    answer = asked(raw(data))
    # Of a request that is cut short while it is sent, the refusal may be lost with the connection.
    assert answer.startswith(b"HTTP/1.1 400 ") or (not answer and len(data) > QUESTION_BYTES)


def test_silent_clients_do_not_keep_it_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wayhome.agent.serving.SECONDS", 0.2)

    def ask(port: int) -> int:
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(2 * CLIENTS)]
        while True:  # those in front of us are sent away one by one
            try:
                status = request("GET", "/hello")(port)[0]
                break
            except (http.client.RemoteDisconnected, ConnectionResetError):
                continue
        for client in silent:
            client.close()
        return status

    assert asked(ask) == 200


def test_no_more_clients_are_accepted_than_are_served() -> None:
    """Each takes a descriptor, and the agent needs some for its work."""

    def ask(port: int) -> int:
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(5 * CLIENTS)]
        time.sleep(0.2)  # whoever is accepted has been by now
        accepted = len(list(Path("/proc/self/fd").iterdir()))
        for client in silent:
            client.close()
        return accepted - len(silent)

    idle = asked(lambda _: len(list(Path("/proc/self/fd").iterdir())))
    assert asked(ask) - idle <= CLIENTS
