"""What is deployed names what exists: metrics in the dashboard and the docs, and what the image copies."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from wayhome.agent.holding import Holding
from wayhome.agent.metrics import conntrack_metrics, line_metrics, metrics
from wayhome.agent.reading import Present
from wayhome.agent.tally import Tally
from wayhome.agent.told import Told
from wayhome.kernel import Change, ChangeKind
from wayhome.kernel.counts import Connections, Count, Sent
from wayhome.kernel.foreign.report import Report
from wayhome.policy import Settings

ROOT = Path(__file__).parents[2]
SUFFIXES = ("_bucket", "_sum", "_count")


def known(tmp_path: Path) -> set[str]:
    tally = Tally()
    held = Holding(Settings()).observe(Present(b"{}"), 0)
    tally.applied(held, Change(ChangeKind.REPLACED, 0.01), 0.02)
    tally.looked(Report(deciders=()))
    tally.bypassed = False
    statistics = tmp_path / "statistics"
    statistics.write_text("insert_failed\n0\n")
    found = [
        *metrics(tally, "nftables"),
        *Told().metrics(),
        *line_metrics(Connections({}, 1, Sent({}, Count(1, 60)))),
        *conntrack_metrics(statistics),
    ]
    return {metric.name for metric in found}


def named(text: str) -> set[str]:
    names = set(re.findall(r"\bwayhome_[a-z_]+", text))
    for suffix in SUFFIXES:
        names = {name.removesuffix(suffix) for name in names}
    return names


def test_the_dashboard_shows_metrics_that_exist(tmp_path: Path) -> None:
    dashboard = json.loads((ROOT / "deploy/grafana-dashboard.json").read_text())
    expressions = " ".join(t["expr"] for panel in dashboard["panels"] for t in panel["targets"])
    assert named(expressions) <= known(tmp_path)


def test_the_documentation_names_every_metric_and_no_other(tmp_path: Path) -> None:
    assert named((ROOT / "docs/metrics.md").read_text()) == known(tmp_path)


def test_what_the_image_copies_runs_both_agents_and_says_what_it_lacks(tmp_path: Path) -> None:
    """The folders of the Dockerfile, without what is installed here but PyYAML."""
    recipe = (ROOT / "deploy/Dockerfile").read_text()
    copied = re.findall(r"/tmp/wayhome/(\w+)", recipe)
    package = tmp_path / "wayhome"
    package.mkdir()
    for folder in copied:
        shutil.copytree(ROOT / "src/wayhome" / folder, package / folder)
    for file in (ROOT / "src/wayhome").glob("*.py"):
        shutil.copy(file, package)
    (tmp_path / "yaml").symlink_to(Path(yaml.__file__).parent)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv[1:] = {list(arguments[1:])!r}; "
        code += f"runpy.run_module({arguments[0]!r}, run_name='__main__')"
        command = [sys.executable, "-I", "-S", "-c", code]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert "upstream" in run("wayhome.agent", "--help").stdout
    assert "--pod-cidrs" in run("wayhome", "agent", "--help").stdout
    lacking = run("wayhome", "node", "conflicts")
    assert (lacking.returncode, "not installed" in lacking.stderr) == (4, True)
    names = [
        ".".join(file.relative_to(tmp_path).with_suffix("").parts)
        for file in package.rglob("*.py")
        if file.stem not in ("__main__", "look", "exec", "websocket")
    ]
    imports = "import importlib, sys; sys.path.insert(0, sys.argv[1]); "
    imports += "[importlib.import_module(name) for name in sys.argv[2:]]"
    command = [sys.executable, "-I", "-S", "-c", imports, str(tmp_path), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
