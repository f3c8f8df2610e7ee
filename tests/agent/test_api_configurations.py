"""API mode, what a ConfigMap may say: a real agent, a real kernel, an API server over TLS.

Each time: what the kernel holds, and that the log says what is wrong and what to write, once.
"""

import json
import time

import pytest
from tests.agent.agent_process import CASE, CASE_RANGES, DEFAULTS, kept, wait_for_kept
from tests.agent.api_agent import Api, ApiAgent

from wayhome.agent.holding import GRACE
from wayhome.kube.canary import CANARY_NODES
from wayhome.kube.configmap import LAST_APPLIED

pytestmark = pytest.mark.kernel

OTHER = "nonMasqueradeCIDRs: [192.168.7.0/24]\n"
OTHER_RANGES = ("192.168.7.0/24",)
CREATE = "kubectl create configmap ip-masq-agent --from-file=config=FILE --namespace kube-system"
OUTSIDE = {LAST_APPLIED: json.dumps({"kind": "ConfigMap", "nonMasqueradeCIDRs": ["10.0.0.0/8"]})}

WRONG = [
    pytest.param(
        {"masq.yaml": CASE}, {}, ("has the key masq.yaml and not config", CREATE), id="other key"
    ),
    pytest.param(
        {"nonMasqueradeCIDRs": "- 10.0.0.0/8"},
        {},
        ("has nonMasqueradeCIDRs directly in data", "`config: |`"),
        id="list in data",
    ),
    pytest.param(
        {},
        {"annotations": OUTSIDE},
        ("was applied with nonMasqueradeCIDRs outside of data", "`config: |`"),
        id="list outside of data",
    ),
    pytest.param({}, {}, ("holds no data", CREATE), id="no data"),
    pytest.param({"config": ""}, {}, ("is empty, and it was not before", "`{}`"), id="emptied"),
    pytest.param(
        {"config": "nonMasqueradeCIDRs:\n  - 10.0.0.0/8\n  - 10.0.0.1/8\n"},
        {},
        ("line 3", "10.0.0.0/8"),
        id="invalid",
    ),
    pytest.param({"config": "{"}, {}, ("line 2: the file is not YAML",), id="no YAML"),
    pytest.param({"\x41" + "b" * 200: "x"}, {}, ("has the key Abbb", "…"), id="a long key"),
]


@pytest.mark.parametrize(("data", "metadata", "said"), WRONG)
def test_a_wrong_one_is_rejected_once_and_the_last_good_one_stays(
    api: Api,
    configured: ApiAgent,
    data: dict[str, str],
    metadata: dict[str, object],
    said: tuple[str, ...],
) -> None:
    api.write(data, **metadata)
    line = configured.wait_for("rejected")
    assert all(part in line["message"] for part in said), line["message"]
    assert line["message"].startswith("ConfigMap kube-system/ip-masq-agent is rejected")
    assert "The last good configuration stays" in line["message"]
    labels = {"again": "yes"}
    api.write(data, labels=labels, **metadata)  # another version of the same mistake
    time.sleep(0.3)
    assert kept() == set(CASE_RANGES)
    assert configured.warnings() == ["rejected"]
    api.write({"config": CASE})
    configured.wait_for("accepted")
    api.write({"config": OTHER})
    wait_for_kept(*OTHER_RANGES)


@pytest.mark.parametrize(
    "data",
    [{"masq.yaml": CASE}, {}, {"config": "nonMasqueradeCIDRs: 7"}],
    ids=["other key", "no data", "invalid"],
)
def test_a_wrong_one_on_a_node_that_never_had_another_means_the_defaults_and_is_rejected(
    api: Api, watching: ApiAgent, data: dict[str, str]
) -> None:
    api.write(data)
    watching.watch()
    line = watching.wait_for("rejected")
    assert "defaults of upstream's agent apply" in line["message"]
    wait_for_kept(*DEFAULTS)
    api.write({"config": CASE})
    wait_for_kept(*CASE_RANGES)
    assert watching.warnings() == ["rejected"]


def test_an_empty_one_at_first_means_upstreams_defaults(api: Api, watching: ApiAgent) -> None:
    api.write({"config": ""})
    watching.watch()
    watching.wait_for("no configuration")
    wait_for_kept(*DEFAULTS)


def test_never_configured_means_upstreams_defaults(watching: ApiAgent) -> None:
    watching.watch()
    assert CREATE in watching.wait_for("no configuration")["message"]
    wait_for_kept(*DEFAULTS)
    assert watching.warnings() == ["no configuration"]


def test_a_node_without_a_memory_does_not_hold_the_defaults_before_the_first_answer(
    api: Api, configured: ApiAgent
) -> None:
    applied = [line for line in configured.lines() if line["event"] == "applied"]
    assert [line["message"] for line in applied] == ["the kernel holds the configuration"]
    assert configured.warnings() == []


def test_one_that_is_removed_and_made_anew_within_the_grace_was_never_gone(
    api: Api, configured: ApiAgent
) -> None:
    api.remove()
    assert "10 s more" in configured.wait_for("removed")["message"]
    time.sleep(1)
    assert kept() == set(CASE_RANGES)
    api.write({"config": CASE})
    configured.wait_for("accepted")
    time.sleep(GRACE)
    assert kept() == set(CASE_RANGES)
    assert configured.warnings() == ["removed"]


def test_one_that_is_removed_for_good_gives_way_to_the_defaults(
    api: Api, configured: ApiAgent
) -> None:
    api.remove()
    configured.wait_for("removed")
    removed = time.monotonic()
    time.sleep(GRACE - 1)
    assert kept() == set(CASE_RANGES)
    configured.wait_for("no configuration")
    wait_for_kept(*DEFAULTS)
    assert time.monotonic() - removed < GRACE + 3
    assert configured.warnings() == ["removed", "no configuration"]
    configured.stop()
    api.kill()
    configured.watch()
    configured.wait_for("no configuration")
    wait_for_kept(*DEFAULTS)  # it does not come back from the disk


def test_another_one_within_the_grace_counts_at_once(api: Api, configured: ApiAgent) -> None:
    api.remove()
    configured.wait_for("removed")
    api.write({"config": OTHER})
    wait_for_kept(*OTHER_RANGES)
    assert configured.warnings() == ["removed"]


def test_a_canary_reads_the_candidate_and_the_others_do_not(api: Api, configured: ApiAgent) -> None:
    both = {"config": CASE, "config.next": OTHER}
    api.write(both, annotations={CANARY_NODES: "node-b"})
    time.sleep(0.3)
    assert kept() == set(CASE_RANGES)
    api.write(both, annotations={CANARY_NODES: "node-b,node-a"})
    wait_for_kept(*OTHER_RANGES)
    api.write(both | {"config.next": "nonMasqueradeCIDRs: 7"}, annotations={CANARY_NODES: "node-a"})
    line = configured.wait_for("rejected")
    assert "is rejected: config.next, line 1: nonMasqueradeCIDRs is" in line["message"]
    assert kept() == set(OTHER_RANGES)
    api.write({"config": CASE}, annotations={CANARY_NODES: "node-a"})
    wait_for_kept(*CASE_RANGES)
    assert "there is no key config.next" in configured.wait_for("warning")["message"]


def test_another_key_can_be_the_one(api: Api, watching: ApiAgent) -> None:
    api.write({"config": OTHER, "masq.yaml": CASE})
    watching.watch("--configmap-key=masq.yaml")
    wait_for_kept(*CASE_RANGES)


def test_several_configmaps_are_united_and_one_that_goes_is_missed_for_ten_seconds(
    api: Api, watching: ApiAgent
) -> None:
    api.allow(names=("site", "team"))
    api.write({"config": CASE}, "site")
    api.write({"config": OTHER}, "team")
    watching.watch(configmap="site,kube-system/team")
    wait_for_kept(*CASE_RANGES, *OTHER_RANGES)
    api.write({"config": "nonMasqueradeCIDRs: 7"}, "team")
    assert "kube-system/team, line 1" in watching.wait_for("rejected")["message"]
    api.write({"config": OTHER}, "team")
    watching.wait_for("accepted")
    api.remove("team")
    assert "kube-system/team is gone" in watching.wait_for("removed")["message"]
    time.sleep(GRACE - 1)
    assert kept() == {*CASE_RANGES, *OTHER_RANGES}
    wait_for_kept(*CASE_RANGES)
    assert watching.warnings() == ["rejected", "removed"]
