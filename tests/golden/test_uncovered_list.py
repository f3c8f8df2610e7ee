"""The account's list and Pods outside of it: what `why` notes, `policy lint` says of the list alone."""

import json

from click.testing import CliRunner
from tests.golden.corpus import ROOT

from wayhome.cli.main import wayhome

CLUSTER = ROOT / "examples/the-case-uncovered/gke_source-project_asia-northeast1-a_my-gke"


def test_lint_knows_that_the_pods_are_not_in_the_list() -> None:
    items = json.loads((CLUSTER / "configmaps.json").read_text())["items"]
    (listed,) = (
        one["data"]["config"] for one in items if one["metadata"]["name"] == "ip-masq-agent"
    )
    nodes = json.loads((CLUSTER / "nodes.json").read_text())["items"]
    ranges = ",".join(node["spec"]["podCIDR"] for node in nodes)
    lint = ["policy", "lint", "-", "--strict", "--pod-cidrs"]
    done = CliRunner().invoke(wayhome, [*lint, ranges], input=listed)
    assert done.exit_code == 1
    assert all(one in done.output for one in ranges.split(","))
    assert CliRunner().invoke(wayhome, [*lint, "172.16.1.0/24"], input=listed).exit_code == 0
