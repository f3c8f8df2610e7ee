"""The case on Kubernetes: the account's own command, the API server of the tests, agents that watch it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
API_SERVER = f"{sys.executable} -m tests.kube.api_server --keep"
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(
        shutil.which("kubectl") is None, reason="no kubectl here; Debian's kubernetes-client has it"
    ),
]


def run(*options: str, api_server: str = API_SERVER) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wayhome", "lab", "run", "the-case"]
    return subprocess.run(
        [*command, "--api-server", api_server, *options],
        env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_the_accounts_command_takes_effect_and_its_mistake_is_seen() -> None:
    done = run("--json")
    assert done.returncode == 0, done.stderr + done.stdout
    document: dict[str, Any] = json.loads(done.stdout)
    before, masquerade, wrong_key = document["phases"]
    assert document["as_expected"]
    assert "commands" not in before
    (command,) = masquerade["commands"]
    assert command["command"] == (
        "kubectl create configmap ip-masq-agent --from-file config --namespace kube-system"
    )
    assert masquerade["milliseconds_to_effect"] > 0
    (status,) = masquerade["questions"]
    assert "2 of 2 nodes on version" in status["output"]
    (status,) = wrong_key["questions"]
    assert status["exit_status"] == 1
    assert "2 rejected" in status["output"]
    assert "--from-file=config=FILE" in " ".join(status["output"].split())


def test_an_api_server_that_does_not_start_is_named() -> None:
    done = run(api_server="/bin/sh -c 'echo no licence; exit 3'")
    assert done.returncode == 4
    assert (
        "api-server on instance control-plane of source-project ended with exit status 3"
        in done.stderr
    )
    assert "no licence" in done.stderr
    assert "Traceback" not in done.stderr
