"""The agent's query socket: who is answered, and what clients that mean no good can do to it."""

import asyncio
import json
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from wayhome.agent.query_client import NoAgentError, ask
from wayhome.agent.query_server import CLIENTS, serve

Result = TypeVar("Result")


def with_server(path: Path, ask: Callable[[], Result]) -> Result:
    """What a client on another thread sees."""

    async def run() -> Result:
        server = serve(path, {"status": lambda: {"state": "applied"}})
        try:
            return await asyncio.to_thread(ask)
        finally:
            server.close()

    return asyncio.run(run())


def raw(path: Path, sent: bytes) -> Any:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := client.recv(4096):
            answer += piece
    return json.loads(answer)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "query"


def test_a_query(path: Path) -> None:
    assert with_server(path, lambda: ask(path, "status")) == {"schema": 1, "state": "applied"}


def test_only_its_own_user_may_open_it(path: Path) -> None:
    mode = with_server(path, lambda: path.stat().st_mode)
    assert stat.S_IMODE(mode) == 0o600


def test_another_user_is_not_answered_whatever_the_mode(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wayhome.agent.query_server._is_trusted", lambda _: False)
    with pytest.raises(NoAgentError, match="does not answer this user; ask as root"):
        with_server(path, lambda: ask(path, "status"))


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"\n",
        b"[]\n",
        b"1\n",
        b'{"query": "nothing"}\n',
        b'{"query": ["status"]}\n',
        b'{"query": {}}\n',
        b"[" * 4000 + b"\n",
        b"x" * 100_000,
        b"\xff\xfe\n",
    ],
)
def test_what_is_no_query(path: Path, sent: bytes) -> None:
    def attempt() -> Any:
        try:
            return raw(path, sent)
        except (BrokenPipeError, ConnectionResetError):
            return None  # it has answered before it had read everything

    answer = with_server(path, attempt)
    assert answer is None or answer["error"].startswith("that is no query")


def test_silent_clients_do_not_keep_it_from_others(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wayhome.agent.serving.SECONDS", 0.2)

    def attempt() -> Any:
        silent = [socket.socket(socket.AF_UNIX) for _ in range(CLIENTS * 3)]
        for each in silent:
            each.connect(str(path))
        try:
            return ask(path, "status")
        finally:
            for each in silent:
                each.close()

    assert with_server(path, attempt)["state"] == "applied"


def test_a_socket_that_was_left_behind_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert with_server(path, lambda: ask(path, "status"))["state"] == "applied"


def test_one_that_answers_is_not(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(OSError, match="in use"):
            with_server(path, lambda: None)
        assert path.exists()


def test_a_file_is_not_taken_away(path: Path) -> None:
    path.write_text("somebody's")
    with pytest.raises(OSError, match="in use"):
        with_server(path, lambda: None)
    assert path.read_text() == "somebody's"


def test_nobody_there(path: Path) -> None:
    with pytest.raises(NoAgentError, match="No such file or directory"):
        ask(path, "status")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(NoAgentError, match="Connection refused"):
        ask(path, "status")
