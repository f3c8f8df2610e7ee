# ruff: noqa: T201 (what a program prints is what it is for)
"""A gcloud and a kubectl that print the case's exports, with the secrets that real ones print, and refuse what is asked."""

import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

EXPORTS = Path(__file__).parents[2] / "examples" / "the-case" / "exports"
CONTEXT = "gke_source-project_asia-northeast1-a_my-gke"
SECRET = "hunter2"

TOOL = """#!{python} -ES
import sys
sys.path[:0] = [{root!r}]
from tests.collect.tools import main
sys.exit(main(sys.argv))
"""


def install(folder: Path) -> dict[str, str]:
    """Put both into a folder. Returns the environment in which they are found."""
    root = str(Path(__file__).parents[2])
    for name in ("gcloud", "kubectl"):
        tool = folder / name
        tool.write_text(TOOL.format(python=sys.executable, root=root))
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def main(argv: list[str]) -> int:
    name, *words = argv
    if log := os.environ.get("TOOLS_LOG"):
        with open(log, "a", encoding="utf-8") as file:
            file.write(" ".join([Path(name).name, *words]) + "\n")
    hanging = os.environ.get("HANGS", "")
    if hanging and hanging in " ".join(words):
        _hang()
    return _gcloud(words) if name.endswith("gcloud") else _kubectl(words)


def _hang() -> None:
    """As gcloud does it: what waits is a process that a script started, and both have our output open."""
    child = os.fork()
    if child:
        with open(os.environ["TOOLS_PIDS"], "a", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {child}\n")
    time.sleep(600)


def _options(words: list[str]) -> dict[str, str]:
    pairs = (word.removeprefix("--").partition("=") for word in words if word.startswith("--"))
    return {key: value for key, _, value in pairs}


def _gcloud(words: list[str]) -> int:
    options, words = _options(words), [word for word in words if not word.startswith("--")]
    project = options.get("project", "")
    if words == ["config", "get-value", "project"]:
        print("source-project")
        return 0
    if project in os.environ.get("REFUSED", "").split(","):
        print(
            f"ERROR: (gcloud) HTTPError 403: Required 'list' permission for '{project}'",
            file=sys.stderr,
        )
        return 1
    folder = EXPORTS / project
    match words:
        case [*_, "get-effective-firewalls", _]:
            file = folder / "effective-firewalls.json"
        case [*_, "backend-services", "list"] if "BALANCED" in os.environ:
            print(json.dumps([_balanced(project)]))
            return 0
        case [*_, "list-instances", _]:
            print(
                json.dumps(
                    [{"instance": f"{_URL}/{project}/zones/z1/instances/a", "status": "RUNNING"}]
                )
            )
            return 0
        case [*_, "list-routes", peering]:
            file = (
                folder
                / "peering-routes"
                / f"{peering}.{options['region']}.{options['direction']}.json"
            )
        case [*_, "project-info", "describe"]:
            file = folder / "project-info.json"
        case [*_, "associated-projects", "list", _]:
            return _print([{"id": "service-project", "type": "PROJECT"}])
        case [*_, kind, "list"]:
            file = folder / f"{'interconnect-attachments' if kind == 'attachments' else kind}.json"
        case _:
            return 2
    return _print(json.loads(file.read_text()) if file.exists() else [])


_URL = "https://www.googleapis.com/compute/v1/projects"


def _balanced(project: str) -> dict[str, Any]:
    """A backend service with a group of instances, twice, and one of endpoints."""
    groups = ["instanceGroups/g", "instanceGroups/g", "networkEndpointGroups/e"]
    return {
        "kind": "compute#backendService",
        "name": "s",
        "loadBalancingScheme": "INTERNAL",
        "selfLink": f"{_URL}/{project}/regions/r1/backendServices/s",
        "backends": [{"group": f"{_URL}/{project}/zones/z1/{group}"} for group in groups],
    }


def _kubectl(words: list[str]) -> int:
    if words == ["config", "current-context"]:
        print(CONTEXT)
        return 0
    plural = words[1]
    file = EXPORTS / CONTEXT / f"{plural}.json"
    if not file.exists():
        print(f'error: the server doesn\'t have a resource type "{plural}"', file=sys.stderr)
        return 1
    return _print(json.loads(file.read_text()))


def _print(document: Any) -> int:
    print(json.dumps(_with_secrets(document)))
    return 0


def _with_secrets(value: Any) -> Any:
    """What real exports hold where people put their secrets."""
    if isinstance(value, list):
        return [_with_secrets(one) for one in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _with_secrets(one) for key, one in value.items()}
    if value.get("kind") == "compute#project":
        if value["name"] == os.environ.get("HOST"):
            changed["xpnProjectStatus"] = "HOST"
        changed["commonInstanceMetadata"] = {"items": [{"key": "ssh-keys", "value": SECRET}]}
    if value.get("kind") == "compute#instance":
        changed["metadata"] = {"items": [{"key": "ssh-keys", "value": SECRET}]}
    if "containers" in value:
        for container in changed["containers"]:
            container["env"] = [{"name": "PASSWORD", "value": SECRET}]
    if "clusterIpv4Cidr" in value:
        changed["masterAuth"] = {"clientKey": SECRET, "password": SECRET}
    if value.get("kind") == "ConfigMap" and "masq" not in str(value.get("metadata")):
        changed["data"] = {"settings": SECRET}
    if isinstance(changed.get("metadata"), dict) and "name" in changed["metadata"]:
        annotation = {"kubectl.kubernetes.io/last-applied-configuration": SECRET}
        changed["metadata"] = changed["metadata"] | {"annotations": annotation}
    return changed
