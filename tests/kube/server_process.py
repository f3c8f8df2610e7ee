"""The tests' API server in a process of its own."""

import base64
import json
import os
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import trustme
from tests.kube.api_server.rights import ADMIN_TOKEN
from tests.kube.api_server.writes import APPLY_PATCH

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}


def certified(folder: Path) -> tuple[str, tuple[str, ...]]:
    """An authority that vouches for 127.0.0.1, as a kubeconfig holds it, and the server's flags. It is in `ca.crt`, too."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.crt")
    issued.private_key_pem.write_to_path(folder / "key")
    issued.cert_chain_pems[0].write_to_path(folder / "certificate")
    files = ("--certificate", str(folder / "certificate"), "--key", str(folder / "key"))
    return base64.b64encode(authority.cert_pem.bytes()).decode(), files


class ServerProcess:
    """`kubeconfig` leads to it, as somebody who may do everything."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self._arguments = arguments
        self.url = ""
        self.start()

    def start(self, port: int = 0) -> None:
        command = [sys.executable, "-m", "tests.kube.api_server", *self._arguments]
        self.process = subprocess.Popen(
            [*command, "--kubeconfig", str(self.kubeconfig), "--port", str(port)],
            cwd=ROOT,
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def kubectl(
        self, *arguments: str, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["kubectl", "--kubeconfig", str(self.kubeconfig), *arguments],
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.folder,
            env=os.environ | {"HOME": str(self.folder)},
        )

    def ask(
        self, method: str, path: str, given: object = None, content_type: str = "application/json"
    ) -> object:
        """One request with the kubeconfig's rights."""
        body = None if given is None else json.dumps(given).encode()
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": content_type}
        request = urllib.request.Request(f"{self.url}{path}", body, headers, method=method)
        context = ssl._create_unverified_context() if self.url.startswith("https") else None
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return json.load(answer)

    def control(self, method: str, path: str, **given: object) -> object:
        """See api_server.control."""
        return self.ask(method, f"/_test/{path}", given or None)

    def put(self, name: str, text: str) -> None:
        """Write a ConfigMap of kube-system, over whatever is there."""
        item = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"config": text}}
        path = f"/api/v1/namespaces/kube-system/configmaps/{name}?fieldManager=test&force=true"
        self.ask("PATCH", path, item, APPLY_PATCH)

    def stop(self) -> int:
        """Its standard input ends, and so does it."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(10)
