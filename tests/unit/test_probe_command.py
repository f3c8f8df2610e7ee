"""`wayhome-agent probe` against real servers on the loopback, and `probe wait` as a container's first process."""

import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from wayhome.probe import command
from wayhome.probe.observation import Protocol
from wayhome.probe.server import Greeting, Health, _Server
from wayhome.probe.target import Target

HTTP, TCP, ICMP = Protocol.HTTP, Protocol.TCP, Protocol.ICMP


@contextmanager
def serving(handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    with _Server("127.0.0.1", 0, handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def says(answer: bytes, pause: float = 0) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(4096)
            self.request.sendall(answer)
            time.sleep(pause)

    return Handler


def probe(protocol: Protocol, port: int, seconds: float = 2) -> Any:
    document: Any = command.probe([protocol], Target("127.0.0.1", port), seconds)
    return document["attempts"][0]


def test_the_projects_server_says_which_address_it_saw() -> None:
    with serving(Health) as port:
        found = probe(HTTP, port)
    assert (found["outcome"], found["seen_source"]) == ("reached", "127.0.0.1")
    assert (found["detail"], found["source"]) == ("HTTP/1.0 200 OK", "127.0.0.1")
    assert 0 < found["milliseconds"] < 2000
    with serving(Greeting) as port:
        found = probe(TCP, port)
    assert (found["outcome"], found["seen_source"]) == ("reached", "127.0.0.1")


def test_any_answer_that_is_http_reaches() -> None:
    with serving(says(b"HTTP/1.1 404 Not Found\r\n\r\n<h1>no</h1>")) as port:
        found = probe(HTTP, port)
    assert (found["outcome"], found["detail"]) == ("reached", "HTTP/1.1 404 Not Found")
    assert found["seen_source"] is None


def test_an_answer_that_does_not_end_reaches_all_the_same() -> None:
    with serving(says(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 500_000, pause=10)) as port:
        assert probe(HTTP, port, seconds=5)["outcome"] == "reached"
    with serving(says(b'HTTP/1.1 200 OK\r\n\r\n{"source": "10.0.0.7"}', pause=10)) as port:
        assert probe(HTTP, port, seconds=5)["outcome"] == "reached"


def test_what_answers_and_is_not_http_is_not_silence() -> None:
    with serving(says(b"SSH-2.0-OpenSSH\r\n")) as port:
        found = probe(HTTP, port)
    assert (found["outcome"], found["detail"]) == ("answered", "the answer is not HTTP: 'SSH-2.0-OpenSSH'")  # fmt: skip
    with serving(says(b"")) as port:
        found = probe(HTTP, port)
    assert (found["outcome"], found["detail"]) == ("answered", "the target closed the connection without an answer")  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    found = probe(TCP, port)
    assert (found["outcome"], found["detail"]) == ("answered", f"127.0.0.1 refuses port {port}: nothing listens there")  # fmt: skip


def test_silence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        found = probe(HTTP, port, seconds=0.3)
        assert (found["outcome"], found["detail"]) == ("failed", "no answer within 0.3 s")
        assert probe(TCP, port)["outcome"] == "reached"


def test_a_name_that_does_not_resolve() -> None:
    document: Any = command.probe([HTTP, TCP], Target("nobody.invalid", 80), 1)
    assert document["address"] is None
    assert [each["outcome"] for each in document["attempts"]] == ["failed", "failed"]
    assert "nobody.invalid cannot be resolved here" in document["attempts"][0]["detail"]


def test_icmp_where_the_kernel_does_not_allow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(command, "open_attempt", refuse)
    found = probe(ICMP, 0)
    assert found["outcome"] == "impossible"
    assert "ICMP is not possible here: net.ipv4.ping_group_range is " in found["detail"]


def agent(*arguments: str) -> "subprocess.CompletedProcess[str]":
    program = [sys.executable, "-m", "wayhome.agent", *arguments]
    return subprocess.run(program, capture_output=True, text=True, timeout=30, check=False)


def test_as_a_program() -> None:
    with serving(Health) as port:
        done = agent("probe", "http,tcp", f"127.0.0.1:{port}")
    document = json.loads(done.stdout)
    assert (done.returncode, document["schema"], document["address"]) == (0, 1, "127.0.0.1")
    assert [each["protocol"] for each in document["attempts"]] == ["http", "tcp"]
    for arguments, problem in (
        (["ftp", "host:1"], "'ftp' is none of http, tcp and icmp"),
        (["tcp", "host"], "HTTP and TCP need a port; write HOST:PORT"),
        (["tcp", "host:x"], "'x' is no port"),
    ):
        done = agent("probe", *arguments)
        assert (done.returncode, problem in done.stderr) == (2, True)


def test_waiting_ends_at_once_as_the_first_process_of_a_container() -> None:
    """The kernel keeps SIGTERM from a namespace's first process, unless it takes it itself."""
    enter = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
    program = [sys.executable, "-m", "wayhome.agent", "probe", "wait", "--seconds", "60"]
    with subprocess.Popen([*enter, *program], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"waiting for probes, at most 60 s\n"
        began = time.monotonic()
        os.kill(_child(process.pid), signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 2


def _child(pid: int) -> int:
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return int(children.read())
