"""The server as a process, and a real kubectl in front of it: what it takes for an API server may be one."""

import json
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kube.server_process import ServerProcess


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path)
    yield process
    assert process.stop() == 0


def test_a_server_in_a_process_is_controlled_by_paths_of_its_own(process: ServerProcess) -> None:
    def get() -> int:
        try:
            with urllib.request.urlopen(f"{process.url}/api/v1/nodes", timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    assert get() == 200
    process.control("POST", "faults", action="answer", verb="list", code=429, retry_after=1)
    process.control("POST", "tokens", token="t", user="u")
    process.control("POST", "rules", user="u", verbs=["get"], resources=["nodes"])
    assert [get(), get()] == [429, 403]
    calls = process.control("GET", "calls")
    assert isinstance(calls, list)
    assert [(call["verb"], call["resource"], call["code"]) for call in calls] == [
        ("list", "nodes", 200),
        ("list", "nodes", 429),
        ("list", "nodes", 403),
    ]


needs_kubectl = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="no kubectl here; Debian's kubernetes-client has one"
)


@needs_kubectl
def test_the_accounts_command_and_what_people_do_after_it(process: ServerProcess) -> None:
    (process.folder / "config").write_text("nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n")
    create = ("create", "configmap", "ip-masq-agent", "--from-file", "config")
    made = process.kubectl(*create, "--namespace", "kube-system")
    assert made.returncode == 0, made.stderr
    assert "configmap/ip-masq-agent created" in made.stdout
    again = process.kubectl(*create, "--namespace", "kube-system")
    assert 'configmaps "ip-masq-agent" already exists' in again.stderr
    nowhere = process.kubectl(*create, "--namespace", "nowhere")
    assert 'namespaces "nowhere" not found' in nowhere.stderr
    shown = process.kubectl(
        "get", "--raw", "/api/v1/namespaces/kube-system/configmaps/ip-masq-agent"
    )
    item = json.loads(shown.stdout)
    assert item["data"] == {"config": "nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n"}
    assert item["metadata"]["managedFields"][0]["manager"].startswith("kubectl")
    manifest = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "ip-masq-agent", "namespace": "kube-system"},
            "data": {"config": "masqLinkLocal: true\n"},
        }
    )
    replaced = process.kubectl("replace", "-f", "-", "--validate=false", given=manifest)
    assert replaced.returncode == 0, replaced.stderr
    ours = ("apply", "-f", "-", "--validate=false", "--server-side", "--field-manager", "wayhome")
    refused = process.kubectl(*ours, given=manifest.replace("true", "false"))
    assert refused.returncode != 0
    assert ".data.config" in refused.stderr
    forced = process.kubectl(*ours, "--force-conflicts", given=manifest.replace("true", "false"))
    assert forced.returncode == 0, forced.stderr
    removed = process.kubectl("delete", "cm", "ip-masq-agent", "-n", "kube-system", "--wait=false")
    assert removed.returncode == 0, removed.stderr
    assert "ip-masq-agent" not in process.kubectl("get", "cm", "-A").stdout
