"""The agent in API mode, and the tests' API server over TLS on the same node.

A request is sent over a connection that is open already, as a controller's would be: what is measured begins when the
request leaves, and not with a handshake. The server is small and in Python, and shares the node's processors with the
agent and the measurement; a real one answers faster, and has more to do.
"""

import http.client
import json
import os
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from bench import node_commands
from bench.agent import Agent
from bench.figure import LackError, NotReachedError
from bench.lists import List
from bench.watch import TableWatch
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.programs import Program, ProgramError, start

ROOT = Path(__file__).parents[1]
NODE = "bench-node"
_PATH = "/api/v1/namespaces/kube-system/configmaps"
_SECONDS = 20.0


class ApiServer:
    """One in the calling thread's network; everybody may do everything there. It ends with the block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.kubeconfig = folder / "kubeconfig"

    def __enter__(self) -> Self:
        certificate, key = self._folder / "certificate", self._folder / "key"
        node_commands.run(
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate),
        )  # fmt: skip
        command = (
            sys.executable, "-m", "tests.kube.api_server", "--keep", "--certificate", str(certificate),
            "--key", str(key), "--kubeconfig", str(self.kubeconfig),
        )  # fmt: skip
        program = Program("the node", "the API server", command, {"PYTHONPATH": os.fspath(ROOT)})
        with NetworkNamespace.current() as here:
            self._running = start(program, here, self._folder / "api-server.log")
        try:
            said = self._running.wait_until(lambda text: "\n" in text, _SECONDS)
        except ProgramError as error:
            raise LackError(str(error)) from error
        port = int(said.split()[0].rpartition(":")[2])
        self.kubeconfig.write_text(_kubeconfig(port, certificate))
        context = ssl.create_default_context(cafile=os.fspath(certificate))
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, context=context)
        self._there = False
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._running.process.kill()
        self._running.process.wait()

    def write(self, wanted: List) -> None:
        """Create or replace the ConfigMap; returns with the answer."""
        self.answer(self.send(wanted))

    def send(self, wanted: List) -> http.client.HTTPConnection:
        """Send the request; the answer is still to be read."""
        item = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "ip-masq-agent", "namespace": "kube-system"},
            "data": {"config": wanted.text()},
        }
        method, path = ("PUT", f"{_PATH}/ip-masq-agent") if self._there else ("POST", _PATH)
        headers = {"Content-Type": "application/json"}
        self._connection.request(method, path, json.dumps(item), headers)
        self._there = True
        return self._connection

    @staticmethod
    def answer(connection: http.client.HTTPConnection) -> None:
        """Read it. Raises NotReachedError if it says no."""
        answer = connection.getresponse()
        body = answer.read()
        if answer.status >= 300:
            raise NotReachedError(f"the API server says {answer.status}: {body[:200]!r}")


class ApiAgent(Agent):
    """One agent that watches the ConfigMap, and tells of it in a Lease as the DaemonSet's do."""

    def __init__(self, folder: Path, server: ApiServer) -> None:
        super().__init__(folder)
        self._kubeconfig = server.kubeconfig

    @property
    def _source(self) -> tuple[str, ...]:
        return (
            "--configmap=ip-masq-agent",
            f"--kubeconfig={self._kubeconfig}",
            f"--node={NODE}",
            "--nodes=1",
        )


@contextmanager
def api_mode(folder: Path, entries: int) -> Iterator[tuple[TableWatch, ApiServer, ApiAgent]]:
    """A node in a network of its own whose kernel holds the ConfigMap's list of so many entries."""
    with (
        NetworkNamespace.create() as network,
        network.entered(),
        TableWatch() as watch,
        ApiServer(folder) as server,
        ApiAgent(folder, server) as agent,
    ):
        server.write(List(entries))
        agent.start()
        watch.until_kept(List(entries).marker)
        yield watch, server, agent


def _kubeconfig(port: int, authority: Path) -> str:
    """Leads to the server as a service account's files do: trusted by its authority."""
    return json.dumps(
        {
            "current-context": "bench",
            "clusters": [
                {
                    "name": "bench",
                    "cluster": {
                        "server": f"https://127.0.0.1:{port}",
                        "certificate-authority": os.fspath(authority),
                    },
                }
            ],
            "users": [{"name": "bench", "user": {"token": "bench"}}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        }
    )
