"""The commands of docs/deploy.md and of the comments name what exists, and the chart takes what they set."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.deploy.chart import CHART, ROOT, is_hook, objects, only, render
from tests.deploy.manifests import KUSTOMIZE
from tests.kube.api_server.rbac import rules_of

PAGE = (ROOT / "docs/deploy.md").read_text()
SETS = sorted(set(re.findall(r"--set ([\w.]+=[^`\s]+)", PAGE)))


def test_every_path_that_is_named_is_there() -> None:
    files = [*KUSTOMIZE.rglob("kustomization.yaml"), *CHART.rglob("values*.yaml")]
    text = PAGE + "".join(file.read_text() for file in files)
    named = {path.rstrip(".") for path in re.findall(r"(?:deploy|scripts)/[-/\w.]+", text)}
    assert len(named) > 9
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
    components = {path.name for path in (KUSTOMIZE / "components").iterdir()}
    assert components == {name for name in components if re.search(rf"\b{name}\b", PAGE)}


def values_of(text: str) -> dict[str, Any]:
    """As Helm reads --set: NAME.NAME=VALUE,…; a list stands in braces."""
    values: dict[str, Any] = {}
    for path, value in re.findall(r"([\w.]+)=(\{[^}]*\}|[^,]*),?", text):
        *outer, last = path.split(".")
        inner = values
        for name in outer:
            inner = inner.setdefault(name, {})
        if value.startswith("{"):
            inner[last] = value[1:-1].split(",")
        else:
            inner[last] = {"true": True, "false": False}.get(value, value)
    return values


@pytest.mark.parametrize("text", SETS)
def test_the_chart_takes_what_is_set(text: str) -> None:
    values = values_of(text)
    assert values
    namespace = "kube-system" if values.get("mode") == "file" else "wayhome"
    assert render(values, namespace)["daemonset.yaml"]


def test_what_is_set_is_found() -> None:
    assert len(SETS) >= 9
    assert values_of("a.b=true,c={--d=e,--f},g=100%") == {
        "a": {"b": True},
        "c": ["--d=e", "--f"],
        "g": "100%",
    }


def test_the_page_lists_every_right() -> None:
    items = objects()
    table = PAGE[PAGE.index("## Rights") :]
    for account in ("wayhome-agent", "wayhome-agent-clean"):
        rules = rules_of(items, f"system:serviceaccount:wayhome:{account}")
        assert rules
        for rule in rules:
            where = f"`{rule.namespace}`" if rule.namespace else "the cluster"
            lines = [line for line in table.splitlines() if line.startswith(f"| {where} |")]
            assert any(
                all(re.search(rf"\b{verb}\b", line) for verb in rule.verbs) for line in lines
            ), rule
    job = only([item for item in items if is_hook(item)], "Job")
    assert job["spec"]["template"]["spec"]["serviceAccountName"] == "wayhome-agent-clean"


def test_the_page_says_what_is_measured() -> None:
    """The numbers of the page are the chart's."""
    for values, limit, request in (
        ({}, 80, 32),
        ({"mode": "file"}, 64, 24),
        ({"backend": "auto"}, 128, 32),
    ):
        text = render(values, "kube-system")["daemonset.yaml"]
        assert f"requests: {{cpu: 10m, memory: {request}Mi}}" in text
        assert f"limits: {{memory: {limit}Mi}}" in text
    said = " ".join(PAGE.split())
    assert "Requests are 32 MiB in API mode and 24 in file mode" in said
    assert "limits 80 and 64" in said
    assert "With iptables 128." in said


def test_the_readme_leads_there() -> None:
    assert "docs/deploy.md" in Path(ROOT / "README.md").read_text()
