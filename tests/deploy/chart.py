"""The chart as Helm's own engine renders it."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/wayhome"
NOTES = "NOTES.txt"
HOOK = "helm.sh/hook"

Object = dict[str, Any]
Values = dict[str, Any]


def render(values: Values | None = None, namespace: str = "wayhome") -> dict[str, str]:
    """The text of each template by its file's name."""
    # Its runtime starts threads, and a process with threads cannot leave the host as the tests do (tests/conftest.py),
    # so that no conftest.py may load it.
    import helm_python as helm  # noqa: PLC0415

    with helm.Chart.load(CHART) as chart:
        rendered = chart.render(values, name="wayhome", namespace=namespace)
    return {Path(path).name: text for path, text in rendered.items()}


def objects(values: Values | None = None, namespace: str = "wayhome") -> list[Object]:
    """Every object, those of hooks too."""
    texts = render(values, namespace)
    return [one for name, text in texts.items() if name != NOTES for one in parsed(text)]


def parsed(text: str) -> list[Object]:
    return [one for one in yaml.safe_load_all(text) if one]


def is_hook(item: Object) -> bool:
    return HOOK in item["metadata"].get("annotations", {})


def values_of(name: str) -> Values:
    """A file of values that stands beside the chart's own."""
    found: Values = yaml.safe_load((CHART / name).read_text())
    return found


def only(items: list[Object], kind: str) -> Object:
    (found,) = [item for item in items if item["kind"] == kind]
    return found


def agent_of(daemonset: Object) -> Object:
    """The container of the agent."""
    (container,) = daemonset["spec"]["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container
