"""Command lines of others' DaemonSets hold keys and tokens; those of masquerade agents say what the agent does."""

from typing import Any

import pytest

from wayhome.clouds.collect.prune import prune
from wayhome.clouds.kubernetes.resources.daemon_set import DaemonSet


def daemon_set(image: str) -> dict[str, Any]:
    container = {
        "name": "agent",
        "image": image,
        "command": ["agent", "--token=hidden"],
        "args": ["--api-key=hidden"],
        "env": [{"name": "KEY", "value": "hidden"}],
    }
    return {
        "kind": "DaemonSet",
        "metadata": {"name": "agent", "namespace": "monitoring"},
        "spec": {"template": {"spec": {"containers": [container], "hostNetwork": True}}},
    }


def test_others_command_lines_are_dropped() -> None:
    kept = prune({"items": [daemon_set("vendor/monitor:7")]}, DaemonSet)
    assert "hidden" not in str(kept)
    pod = kept["items"][0]["spec"]["template"]["spec"]
    assert pod["containers"] == [{"name": "agent", "image": "vendor/monitor:7"}]
    assert pod["hostNetwork"] is True


@pytest.mark.parametrize(
    "image",
    [
        "k8s.gcr.io/ip-masq-agent-amd64:v2.0.2",
        "mirror:5000/a/wayhome-agent@sha256:0",
        "ip-masq-agent-v2",
    ],
)
def test_agents_command_lines_are_kept(image: str) -> None:
    (container,) = prune(daemon_set(image), DaemonSet)["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["--api-key=hidden"]
    assert container["command"] == ["agent", "--token=hidden"]
    assert "env" not in container
