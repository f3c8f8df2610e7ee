"""An agent in API mode and the tests' API server, processes in one network of their own, over TLS."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import yaml
from tests.agent.agent_process import AgentProcess
from tests.kube.server_process import ServerProcess, certified
from tests.kube.steps import NAME, NAMESPACE

USER = "system:serviceaccount:wayhome:wayhome-agent"
TOKEN = "first"
WATCHING = {
    "verbs": ["list", "watch"],
    "resources": ["configmaps"],
    "namespace": NAMESPACE,
    "names": [NAME],
}
COMPLAINING = {"verbs": ["create"], "resources": ["events"], "namespace": NAMESPACE}
NOTHING: Mapping[str, str] = MappingProxyType({})
MOUNTED = """
mount -t tmpfs none /run
mkdir -p /run/secrets/kubernetes.io/serviceaccount
mount --bind "$0" /run/secrets/kubernetes.io/serviceaccount
exec "$@"
"""
PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps"


class Api(ServerProcess):
    """A server that trusts one service account with what the agent's Role grants, and nobody else."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        _, files = certified(folder)
        self.authority = folder / "ca.crt"
        self.token = folder / "token"
        self.token.write_text(TOKEN)
        super().__init__(folder, "--closed", *files, *arguments)
        self.port_then = self.port
        self.allow()

    def allow(self, token: str = TOKEN, names: Sequence[str] = (NAME,)) -> None:
        self.control("POST", "tokens", token=token, user=USER)
        self.control("POST", "rules", user=USER, **{**WATCHING, "names": list(names)})
        self.control("POST", "rules", user=USER, **COMPLAINING)

    def agents_kubeconfig(self) -> Path:
        """Leads here as a service account's files do: an authority and a token in files."""
        cluster = {"server": self.url, "certificate-authority": str(self.authority)}
        content = {
            "current-context": "agent",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "agent", "user": {"tokenFile": str(self.token)}}],
            "contexts": [{"name": "agent", "context": {"cluster": "test", "user": "agent"}}],
        }
        file = self.folder / "agents-kubeconfig"
        file.write_text(yaml.safe_dump(content))
        return file

    def kill(self) -> None:
        """It is gone without a word, and what it held with it."""
        self.process.kill()
        self.stop()

    def again(self) -> None:
        """Where it was, with nothing but the rights."""
        self.start(self.port_then)
        self.allow()

    def write(self, data: object, name: str = NAME, /, **metadata: object) -> str:
        """Create or replace a ConfigMap as `kubectl replace` does; returns its resourceVersion."""
        item = {"apiVersion": "v1", "kind": "ConfigMap", "data": data}
        item["metadata"] = {"name": name, "namespace": NAMESPACE, **metadata}
        try:
            found = self.ask("PUT", f"{PATH}/{name}", item)
        except OSError:
            found = self.ask("POST", PATH, item)
        assert isinstance(found, dict)
        return str(found["metadata"]["resourceVersion"])

    def remove(self, name: str = NAME) -> None:
        self.ask("DELETE", f"{PATH}/{name}")

    def calls(self, verb: str) -> int:
        found = self.control("GET", "calls")
        assert isinstance(found, list)
        return sum(call["verb"] == verb for call in found)


class ApiAgent(AgentProcess):
    """The agent, watching `ip-masq-agent` at a server."""

    def __init__(self, folder: Path, api: Api) -> None:
        super().__init__(folder)
        self._kubeconfig = api.agents_kubeconfig()

    def watch(self, *arguments: str, configmap: str = NAME, module: str = "wayhome.agent") -> None:
        """Start it, with a kubeconfig."""
        flags = (f"--configmap={configmap}", f"--kubeconfig={self._kubeconfig}")
        self._start(*flags, *arguments, module=module)

    def watch_as_a_pod(self, api: "Api") -> None:
        """Start it where a Pod's service account is mounted, and told of the API by the kubelet's variables."""
        host, _, port = api.url.partition("://")[2].rpartition(":")
        variables = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
        mounted = ("unshare", "--mount", "sh", "-euc", MOUNTED, str(api.folder))
        self._start(f"--configmap={NAME}", launcher=mounted, variables=variables)

    def _start(
        self,
        *arguments: str,
        module: str = "wayhome.agent",
        launcher: Sequence[str] = (),
        variables: Mapping[str, str] = NOTHING,
    ) -> None:
        command = [*launcher, sys.executable, "-m", *module.split(), f"--state={self.state}"]
        command += ["--log-format=json", "--backend=nftables", "--status-namespace=", *arguments]
        environment = {**os.environ, "NODE_NAME": "node-a", **variables}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log, env=environment)

    def warnings(self) -> list[str]:
        """The events of its warnings and errors so far, in their order."""
        return [line["event"] for line in self.lines() if line["level"] != "info"]
