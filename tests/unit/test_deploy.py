"""What is deployed names what exists: metrics in the dashboard and the docs."""

import json
import re
from pathlib import Path

from wayhome.agent.holding import Holding
from wayhome.agent.metrics import conntrack_metrics, line_metrics, metrics
from wayhome.agent.reading import Present
from wayhome.agent.tally import Tally
from wayhome.agent.told import Told, scope_metrics
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
        *scope_metrics(refused=False, not_listed=0),
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
