"""A watcher and a server as processes of their own, over TLS, with a service account's rights and token."""

import asyncio
import json
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.kube.server_process import ENVIRONMENT, ROOT, ServerProcess
from tests.kube.steps import NAME

from wayhome.kube.access import Access
from wayhome.kube.connection import IDLE_SECONDS, KEEPALIVE_SECONDS, connect

USER = "system:serviceaccount:wayhome:agent"
MOST_MEMORY = 42.0
"""MiB: what API mode may take."""


class Watcher:
    """The process, and the lines that it prints."""

    def __init__(self, folder: Path, server: ServerProcess) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.kube.watcher", str(folder), NAME],
            cwd=ROOT,
            env=ENVIRONMENT
            | {"KUBERNETES_SERVICE_HOST": "::1", "KUBERNETES_SERVICE_PORT": str(server.port)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)

    def next(self) -> dict[str, Any]:
        found = json.loads(self._lines.get(timeout=120))
        assert isinstance(found, dict)
        return found

    def next_of(self, said: str) -> dict[str, Any]:
        """The next line of that kind; others before it are passed over."""
        while (line := self.next())["said"] != said:
            pass
        return line

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    authority = trustme.CA()
    issued = authority.issue_cert("::1")
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    issued.private_key_pem.write_to_path(tmp_path / "key")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "certificate")
    (tmp_path / "token").write_text("first")
    files = ("--certificate", str(tmp_path / "certificate"), "--key", str(tmp_path / "key"))
    server = ServerProcess(tmp_path, "--host", "::1", "--closed", *files)
    allow(server, "first")
    yield server
    server.stop()


def allow(server: ServerProcess, token: str, **more: object) -> None:
    server.control("POST", "tokens", token=token, user=USER, **more)
    server.control(
        "POST",
        "rules",
        user=USER,
        verbs=["get", "list", "watch"],
        resources=["configmaps"],
        namespace="kube-system",
        names=[NAME],
    )


@pytest.fixture
def watcher(tmp_path: Path, server: ServerProcess) -> Iterator[Watcher]:
    watcher = Watcher(tmp_path, server)
    yield watcher
    watcher.stop()


def test_watching_takes_little_memory_and_no_more_with_time(
    server: ServerProcess, watcher: Watcher
) -> None:
    assert watcher.next()["said"] == "Absent"
    text = "nonMasqueradeCIDRs:\n" + "".join(
        f"  - 10.{n // 250}.{n % 250}.0/24\n" for n in range(2000)
    )
    for number in range(50):
        server.put(NAME, f"{text}# {number}\n")
        line = watcher.next()
        assert line["bytes"] > 30_000
    early = line["memory"]
    for number in range(200):
        server.put(NAME, f"{text}# again {number}\n")
        line = watcher.next()
    assert line["memory"] < MOST_MEMORY
    assert line["memory"] - early < 1.0


def test_a_server_that_is_killed_and_comes_back_and_a_token_that_was_rotated_meanwhile(
    tmp_path: Path, server: ServerProcess, watcher: Watcher
) -> None:
    assert watcher.next()["said"] == "Absent"
    server.put(NAME, "a: b\n")
    assert watcher.next()["bytes"] == 5
    port = server.port
    server.process.kill()
    server.stop()
    line = watcher.next()
    assert line["said"] == "Unknown"
    assert "Connect call failed" in line["about"] or "refused" in line["about"]
    server.start(port)
    allow(server, "second")
    server.put(NAME, "other: one\n")
    assert "does not accept this agent's token" in watcher.next_of("Unknown")["about"]
    (tmp_path / "token").write_text("second")
    assert watcher.next_of("Text")["bytes"] == 11


def test_a_connection_probes_whether_its_other_end_is_alive() -> None:
    async def scenario() -> dict[str, int]:
        listening = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        _, writer = await connect(Access("127.0.0.1", port, tls=False))
        sock = writer.get_extra_info("socket")
        found = {
            "alive": sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            "idle": sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
            "unacknowledged": sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
        }
        writer.close()
        listening.close()
        return found

    assert asyncio.run(scenario()) == {
        "alive": 1,
        "idle": IDLE_SECONDS,
        "unacknowledged": KEEPALIVE_SECONDS * 1000,
    }


def test_file_mode_imports_none_of_it(tmp_path: Path) -> None:
    """All that an agent has imported when it has read its flags and opened its source."""
    program = (
        "import sys\n"
        "from wayhome.agent.__main__ import main\n"
        "from wayhome.agent.arguments import parse_arguments\n"
        "from wayhome.agent.logs import Log\n"
        "from wayhome.agent.origin import origin_of\n"
        "import wayhome.agent.run\n"
        "options = parse_arguments(sys.argv[1:], native=False)\n"
        "origin_of(options, Log(options.log_format)).source.read()\n"
        "print([m for m in sys.modules if m.startswith('wayhome.kube') or m in ('_ssl',)])"
    )
    found = subprocess.run(
        [sys.executable, "-c", program, f"--config={tmp_path}/ip-masq-agent"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "[]\n"
