"""The manifests for kustomize, made of the chart: `scripts/manifests`, and `--check` for whether they are up to date.

The chart is the source, because it can say everything that the manifests say and not the other way round. Its text is
taken over with its comments, as it is read by people; what only Helm needs goes.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.chart import HOOK, NOTES, ROOT, Values, is_hook, parsed, render, values_of

KUSTOMIZE = ROOT / "deploy/kustomize"
HEADER = "# Made of deploy/helm/wayhome by scripts/manifests. Change the chart, not this file.\n"
# Helm makes the release's namespace by itself; `kubectl apply` needs it among the objects.
NAMESPACE = """# The agent's own. Whoever may make Pods here can become it, so it is nobody else's.
apiVersion: v1
kind: Namespace
metadata:
  name: wayhome
  labels:
    app.kubernetes.io/part-of: wayhome
    # The node's network and a folder of the node are what this level allows and the others do not.
    pod-security.kubernetes.io/enforce: privileged
"""
# What stands above another is there when that one is made.
ORDER = ("status", "priority-quota", "service-account", "rights", "daemonset")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One generated file: these templates, with these values."""

    path: str
    values: Values = field(default_factory=dict)
    namespace: str = "wayhome"
    templates: tuple[str, ...] = ORDER
    makes_namespace: bool = False


UPSTREAM = values_of("values-upstream.yaml")
FILE_MODE = {"mode": "file", "priorityQuota": False}
POD_MONITOR = {"podMonitor": {"create": True}, "metrics": {"address": "0.0.0.0"}}
NODE_BOUND = {"status": {"nodeBound": True}}
MANIFESTS = (
    Manifest("base/wayhome.yaml", makes_namespace=True),
    Manifest("file-mode/wayhome.yaml", FILE_MODE, namespace="kube-system"),
    Manifest("upstream/wayhome.yaml", UPSTREAM, namespace="kube-system"),
    Manifest("uninstall/wayhome.yaml", templates=("uninstall",), makes_namespace=True),
    Manifest("components/pod-monitor/pod-monitor.yaml", POD_MONITOR, templates=("pod-monitor",)),
    Manifest(
        "components/node-bound-status/policy.yaml", NODE_BOUND, templates=("node-bound-status",)
    ),
)


def text_of(manifest: Manifest) -> str:
    """What the file holds."""
    texts = render(manifest.values, manifest.namespace)
    assert NOTES in texts  # the whole chart was rendered
    documents = [one for name in manifest.templates for one in _documents(texts[f"{name}.yaml"])]
    if manifest.makes_namespace:
        documents.insert(0, NAMESPACE)
    return HEADER + "---\n".join(documents)


def _documents(text: str) -> Iterator[str]:
    """Without Helm's labels and annotations, and of the hooks only the DaemonSet: the Job waits for Helm's sake."""
    for document in re.split(r"^---\n", text, flags=re.MULTILINE):
        for item in parsed(document):
            if not is_hook(item) or item["kind"] in ("DaemonSet", "ResourceQuota"):
                yield _without_helm(document).strip() + "\n"


def _without_helm(document: str) -> str:
    lines = [
        line for line in document.splitlines() if "app.kubernetes.io/managed-by: Helm" not in line
    ]
    lines = [line for line in lines if HOOK not in line and line.strip() != "annotations:"]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/manifests", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; 1 if one is out of date"
    )
    check, status = parser.parse_args().check, 0
    for manifest in MANIFESTS:
        path, text = KUSTOMIZE / manifest.path, text_of(manifest)
        if check and not is_current(path, text):
            sys.stderr.write(
                f"{path.relative_to(ROOT)} is not what the chart says; run: scripts/manifests\n"
            )
            status = 1
        elif not check:
            path.write_text(text)
    return status


def is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main())
