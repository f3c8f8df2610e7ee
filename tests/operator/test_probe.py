"""`wayhome cluster probe` in the account's network: the Pod fails, its node does not, and after the repair both work."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.operator.case_cluster import AGENT, IMAGE, POD, REPAIR, CaseCluster

from wayhome.cluster.must_reach import MustReach, Tried
from wayhome.cluster.pod_prober import pod_prober
from wayhome.kube.client import Client
from wayhome.kube.kubeconfig import from_kubeconfig
from wayhome.lab.the_case.phases import MY_POD, NODE_02
from wayhome.probe.target import Target

pytestmark = pytest.mark.kernel

HTTP, TCP, ICMP = "http", "tcp", "icmp"
TARGET, GREETING = "10.2.0.1:80", "10.2.0.1:23"


@pytest.fixture
def case(tmp_path: Path) -> Iterator[CaseCluster]:
    cluster = CaseCluster(tmp_path)
    yield cluster
    cluster.close()


def test_the_account(case: CaseCluster) -> None:
    done = case.probe(POD, TARGET)
    assert done.stdout.count("only the Pod fails: probably no way home; try `wayhome why`") == 3
    assert done.stdout.count("no answer within 1 s; left the node as 172.16.2.2, the Pod's own address") == 3  # fmt: skip
    assert "HTTP/1.0 200 OK" in done.stdout
    assert "seen as 10.1.0.3" in done.stdout
    assert done.stdout.count("was added to the Pod") == 1
    assert "was added" not in case.probe(POD, TARGET, "--protocol", TCP).stdout
    assert done.returncode == 1

    case.configure(REPAIR)
    code, seen = case.document(POD, TARGET)
    assert code == 0
    assert [each["meaning"] for each in seen["protocols"]] == ["works"] * 3
    http, tcp, icmp = seen["from_pod"]["attempts"]
    assert (http["seen_as"], http["left_as"], http["source"]) == ("10.1.0.3", "10.1.0.3", "172.16.2.2")  # fmt: skip
    assert (tcp["left_as"], icmp["left_as"]) == ("10.1.0.3", "10.1.0.3")
    assert seen["protocols"][1]["sentence"] == "works, leaves the node as 10.1.0.3"
    assert seen["from_node"]["attempts"][0]["seen_as"] == "10.1.0.3"
    assert seen["node"] == NODE_02
    assert len(case.ephemeral()) == 1, "the container of the first probe is used again"


def test_what_is_added_to_the_pod(case: CaseCluster) -> None:
    case.probe(POD, TARGET, "--protocol", TCP)
    (added,) = case.ephemeral()
    assert added["image"] == IMAGE, "that of the agent on the Pod's node"
    assert added["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": 65534,
        "runAsGroup": 65534,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_the_right_that_is_missing_is_named(case: CaseCluster) -> None:
    case.configure(REPAIR)
    token = case.limited("pods", "get", "list")
    code, seen = case.document(POD, TARGET, *token)
    assert seen["from_pod"]["problem"].startswith(
        "your rights lack `patch` of `pods/ephemeralcontainers` in the namespace default"
    )
    assert seen["from_node"]["problem"].startswith(
        "your rights lack `get` of `pods/exec` in the namespace wayhome"
    )
    assert (code, case.ephemeral()) == (3, [])
    case.limited("pods/exec", "get")
    _, seen = case.document(POD, TARGET, "--exec", *token)
    assert seen["from_pod"]["problem"].startswith(
        "your rights lack `create` of `pods/exec` in the namespace default"
    )
    case.limited("pods/exec", "create")
    code, seen = case.document(POD, TARGET, "--exec", "--protocol", TCP, *token)
    assert code == 0
    case.limited("pods/ephemeralcontainers", "patch")
    assert case.document(POD, TARGET, *token)[0] == 0


def test_who_may_list_pods_in_the_agents_namespace_alone(case: CaseCluster) -> None:
    case.configure(REPAIR)
    token = case.limited("pods", "get", namespace="default")
    case.limited("pods", "list", namespace="wayhome")
    case.limited("pods/exec", "get", "create")
    code, seen = case.document(POD, TARGET, "--exec", "--protocol", TCP, *token)
    assert (code, seen["from_node"]["problem"]) == (0, None)


def test_a_greeting_says_which_address_it_saw(case: CaseCluster) -> None:
    case.configure(REPAIR)
    code, seen = case.document(POD, GREETING, "--protocol", TCP)
    assert (code, seen["protocols"][0]["sentence"]) == (0, "works, seen as 10.1.0.3")
    # Not HTTP, and yet it has found its way home.
    code, seen = case.document(POD, GREETING, "--protocol", HTTP)
    assert (code, seen["protocols"][0]["meaning"]) == (1, "answered-otherwise")


def test_both_fail_where_nobody_answers(case: CaseCluster) -> None:
    case.configure(REPAIR)
    code, seen = case.document(POD, "10.2.0.9:80")
    assert (code, {each["meaning"] for each in seen["protocols"]}) == (1, {"both-fail"})
    done = case.probe(POD, "10.2.0.9:80", "--protocol", TCP)
    assert "TCP: both fail: it is not the Pod's address alone" in done.stdout


def test_a_refusal_is_no_missing_way_home(case: CaseCluster) -> None:
    case.configure(REPAIR)
    code, seen = case.document(POD, "10.1.0.3:81", "--protocol", TCP)
    assert (code, seen["protocols"][0]["meaning"]) == (1, "answered-otherwise")
    assert seen["from_pod"]["attempts"][0]["detail"] == "10.1.0.3 refuses port 81: nothing listens there"  # fmt: skip


def test_with_the_pods_own_programs(case: CaseCluster) -> None:
    done = case.probe(POD, TARGET, "--exec", "--protocol", TCP)
    assert "TCP: only the Pod fails" in done.stdout
    assert done.returncode == 1
    case.configure(REPAIR)
    code, seen = case.document(POD, TARGET, "--exec", "--protocol", TCP)
    assert (code, seen["protocols"][0]["meaning"], case.ephemeral()) == (0, "works", [])
    case.place("default", MY_POD, MY_POD, environment={"PATH": str(case.folder)})
    code, seen = case.document(POD, TARGET, "--exec")
    details = [each["detail"] for each in seen["from_pod"]["attempts"]]
    assert details == [
        "the container main has no curl nor wget",
        "the container main has no nc nor python3",
        "the container main has no ping",
    ]
    assert code == 3


def test_no_agent_on_the_node(case: CaseCluster) -> None:
    case.configure(REPAIR)
    case.server.ask("DELETE", f"/api/v1/namespaces/wayhome/pods/{AGENT}")
    done = case.probe(POD, TARGET)
    assert f"no agent was found on {NODE_02}; name the agent's with --image" in done.stdout
    assert f"node {NODE_02} could not be asked: no agent of wayhome runs on {NODE_02}" in done.stdout  # fmt: skip
    assert done.returncode == 3
    code, seen = case.document(POD, TARGET, "--image", IMAGE)
    assert (code, seen["protocols"][0]["sentence"]) == (0, "works, seen as 10.1.0.3")
    code, seen = case.document(POD, "10.2.0.9:80", "--protocol", TCP)
    assert (code, seen["protocols"][0]["meaning"]) == (1, "the-pod-fails")


def test_an_image_that_cannot_be_pulled(case: CaseCluster) -> None:
    case.place("default", MY_POD, MY_POD, images=["other:1"])
    done = case.probe(POD, TARGET)
    assert 'ImagePullBackOff: Back-off pulling image "registry.example/wayhome-agent:1"' in done.stdout  # fmt: skip
    assert "--image names another image" in done.stdout
    assert done.returncode == 3


@pytest.mark.parametrize(
    ("spec", "status", "sentence"),
    [
        ({"hostNetwork": True}, {"phase": "Running"}, "has its node's own network (hostNetwork)"),
        ({}, {"phase": "Succeeded"}, "does not run (its phase is Succeeded)"),
        ({"os": {"name": "windows"}}, {"phase": "Running"}, "runs Windows"),
    ],
)
def test_pods_that_cannot_be_probed_from(
    case: CaseCluster, spec: dict[str, object], status: dict[str, object], sentence: str
) -> None:
    case.pod("default", "other", "main", "web:1", MY_POD, **spec)
    case.status("default", "other", status)
    done = case.probe("other", TARGET)
    assert (done.returncode, sentence in done.stderr) == (2, True)


def test_what_is_no_question(case: CaseCluster) -> None:
    for arguments, sentence in (
        (("nobody", TARGET), "there is no Pod default/nobody"),
        ((POD, "10.2.0.1:http"), "'http' is no port"),
        ((POD, "10.2.0.1", "--protocol", TCP), "write HOST:PORT"),
    ):
        done = case.probe(*arguments)
        assert (done.returncode, sentence in done.stderr) == (2, True), done.stderr


def test_what_a_change_has_to_prove(case: CaseCluster) -> None:
    """The prober of `cluster apply --must-reach`: both attempts at once, one container, told of once."""
    client = Client(from_kubeconfig([case.server.kubeconfig]))
    wanted = MustReach(("default", MY_POD), Target("10.2.0.1", 80))
    said: list[str] = []

    async def tries(*wanted: MustReach) -> list[Tried]:
        prober = pod_prober(client, said.append)
        return await asyncio.gather(*map(prober, wanted))

    first, second = asyncio.run(tries(wanted, MustReach(wanted.pod, Target("10.2.0.1", 23))))
    assert (first.reached, first.detail) == (False, "no answer within 3 s")
    assert second.reached is False
    assert len(said) == len(case.ephemeral()) == 1
    case.configure(REPAIR)
    (after,) = asyncio.run(tries(wanted))
    assert after.reached is True
    assert len(said) == 1
    (nobody,) = asyncio.run(tries(MustReach(("default", "nobody"), Target("10.2.0.1", 80))))
    assert nobody.reached is None
    assert 'pods "nobody" not found' in nobody.detail
