"""The manifests are what the chart says, and kustomize makes of its components what Helm makes of values."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.deploy.chart import Object, Values, is_hook, objects, parsed
from tests.deploy.manifests import (
    FILE_MODE,
    KUSTOMIZE,
    MANIFESTS,
    NODE_BOUND,
    POD_MONITOR,
    UPSTREAM,
    Manifest,
    is_current,
    text_of,
)


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda one: one.path)
def test_a_manifest_is_what_the_chart_says(manifest: Manifest) -> None:
    assert is_current(KUSTOMIZE / manifest.path, text_of(manifest)), "run: scripts/manifests"


def test_nothing_of_helm_is_left() -> None:
    for manifest in MANIFESTS:
        text = (KUSTOMIZE / manifest.path).read_text().removeprefix("# Made of deploy/helm")
        assert not re.search(r"helm\.sh|managed-by", text)


def kustomized(folder: Path) -> list[Object]:
    """What kubectl's own kustomize makes of it. Debian 12's kubectl is too old for components."""
    if shutil.which("kubectl") is None:
        pytest.skip("there is no kubectl")
    done = subprocess.run(
        ["kubectl", "kustomize", folder], capture_output=True, text=True, check=False
    )
    if "invalid Kustomization" in done.stderr or "unknown field" in done.stderr:
        pytest.skip("this kubectl's kustomize is older than components")
    assert done.returncode == 0, done.stderr
    return parsed(done.stdout)


def by_name(items: list[Object]) -> dict[tuple[str, str, str], Object]:
    """Without what Helm alone writes, and without the namespace that Helm makes by itself."""
    found = {}
    for item in items:
        about = item["metadata"]
        about.get("labels", {}).pop("app.kubernetes.io/managed-by", None)
        if (item["kind"], about["name"]) != ("Namespace", "wayhome"):
            found[item["kind"], about.get("namespace", ""), about["name"]] = item
    return found


def of_helm(values: Values, namespace: str) -> list[Object]:
    return [item for item in objects(values, namespace) if not is_hook(item)]


@pytest.mark.parametrize(
    ("folder", "values", "namespace"),
    [
        ("base", {}, "wayhome"),
        ("file-mode", FILE_MODE, "kube-system"),
        ("upstream", UPSTREAM, "kube-system"),
    ],
)
def test_a_folder_says_what_helm_says(folder: str, values: Values, namespace: str) -> None:
    assert by_name(kustomized(KUSTOMIZE / folder)) == by_name(of_helm(values, namespace))


@pytest.mark.parametrize(
    ("components", "values"),
    [
        (["iptables"], {"backend": "auto"}),
        (["pod-monitor"], POD_MONITOR),
        (["node-bound-status"], NODE_BOUND),
        (
            ["iptables", "pod-monitor", "node-bound-status"],
            {"backend": "auto"} | POD_MONITOR | NODE_BOUND,
        ),
    ],
    ids=lambda one: "+".join(one) if isinstance(one, list) else "",
)
def test_components_say_what_helms_values_say(
    tmp_path: Path, components: list[str], values: Values
) -> None:
    copied = tmp_path / "kustomize"
    shutil.copytree(KUSTOMIZE, copied)
    own = {"resources": ["../base"], "components": [f"../components/{name}" for name in components]}
    (copied / "own").mkdir()
    (copied / "own/kustomization.yaml").write_text(yaml.safe_dump(own))
    assert by_name(kustomized(copied / "own")) == by_name(of_helm(values, "wayhome"))


def test_the_uninstall_daemonset_is_the_charts() -> None:
    hooks = {item["kind"]: item for item in objects() if is_hook(item)}
    found = {item["kind"]: item for item in kustomized(KUSTOMIZE / "uninstall")}
    assert found.keys() == {"Namespace", "ResourceQuota", "DaemonSet"}
    assert found["DaemonSet"]["spec"] == hooks["DaemonSet"]["spec"]
