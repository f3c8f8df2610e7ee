"""The account's command, and everything that people do to the ConfigMap after it: a real agent, any API server."""

import pytest
from tests.agent.agent_process import CASE, CASE_RANGES, DEFAULTS, wait_until
from tests.cluster.admin import MERGE_PATCH
from tests.cluster.agent import ClusterAgent, agents, events
from tests.cluster.place import CONFIGMAP, Place

from wayhome.kube.status_lease import State

pytestmark = pytest.mark.kernel

OTHER = "nonMasqueradeCIDRs: [192.168.7.0/24]\n"
OTHER_RANGE = "192.168.7.0/24"


def attempts(both: list[ClusterAgent]) -> list[str]:
    """What came of the Events that each agent has wanted to make, once all have."""
    results = [one for each in both for one in ("created", "existed") if f'wayhome_events_total{{result="{one}"}} 1' in each.metrics()]  # fmt: skip
    return sorted(results) if len(results) == len(both) else []


def create(place: Place, file: str) -> None:
    """The account's own command, but for the namespace."""
    (place.folder / file).write_text(CASE)
    said = place.kubectl(
        "create", "configmap", CONFIGMAP, "--from-file", file, "--namespace", place.name
    )
    assert f"configmap/{CONFIGMAP} created" in said


def test_from_the_accounts_command_to_the_defaults(place: Place, agent: ClusterAgent) -> None:
    agent.holds(*DEFAULTS)
    agent.says(State.DEFAULTS)
    create(place, "config")
    agent.holds(*CASE_RANGES)
    found = place.admin.ask("GET", place.configmap)
    version = found["metadata"]["resourceVersion"]
    status = agent.says(State.APPLIED, held_version=version, held_key="config", error="")
    assert status.source == f"configmap {place.name}/{CONFIGMAP} config"
    assert status.pod == f"{place.agents}/{agent.node}-pod"

    place.admin.ask("PATCH", place.configmap, {"data": {"config": OTHER}}, MERGE_PATCH)
    agent.holds(OTHER_RANGE)

    # A canary: its node takes the candidate, and would not if it were not named.
    canary = {"metadata": {"annotations": {"wayhome/canary-nodes": f"elsewhere,{agent.node}"}}}
    place.admin.ask("PATCH", place.configmap, {**canary, "data": {"config.next": CASE}}, MERGE_PATCH)  # fmt: skip
    agent.holds(*CASE_RANGES)
    agent.says(State.APPLIED, held_key="config.next")
    over = {"metadata": {"annotations": {"wayhome/canary-nodes": None}}}
    place.admin.ask("PATCH", place.configmap, {**over, "data": {"config.next": None}}, MERGE_PATCH)
    agent.holds(OTHER_RANGE)

    # Replaced as `kubectl delete` and `create` do it: the kernel never goes to the defaults between.
    before = agent.lines()
    place.kubectl("delete", "configmap", CONFIGMAP, "--namespace", place.name)
    create(place, "config")
    agent.holds(*CASE_RANGES)
    steps = [line for line in agent.lines()[len(before) :] if line["event"] == "applied"]
    assert [(line["added"], line["removed"]) for line in steps] == [(2, 1)]

    place.kubectl("delete", "configmap", CONFIGMAP, "--namespace", place.name)
    agent.says(State.REMOVED)
    assert agent.kept() == set(CASE_RANGES)
    agent.holds(*DEFAULTS)
    agent.says(State.DEFAULTS, held_digest="defaults")


def test_the_accounts_mistake_is_said_once_by_two_agents(place: Place) -> None:
    place.install()
    with agents(place, "ab") as both:
        for each in both:
            each.holds(*DEFAULTS)
        create(place, "masq.yaml")
        for each in both:
            assert "masq.yaml" in each.says(State.REJECTED, held_digest="defaults").error
            assert each.kept() == set(DEFAULTS)
        told = wait_until(lambda: attempts(both), lambda: f"both to have tried, {events(place)}")
        assert told == ["created", "existed"]
        (event,) = events(place)
        assert (event["type"], event["reason"], event["count"]) == ("Warning", "Rejected", 1)
        assert "masq.yaml" in event["message"]
        shown = place.kubectl("describe", "configmap", CONFIGMAP, "--namespace", place.name)
        assert "Rejected" in shown
        place.write({"config": CASE})
        for each in both:
            each.holds(*CASE_RANGES)
            each.says(State.APPLIED, error="")
        wait_until(lambda: len(events(place)) == 1, lambda: f"one Event, {events(place)}")
