"""One text, read by several DaemonSets, or as one of several ConfigMaps."""

import hashlib
from pathlib import Path

import pytest
from tests.kube.api_server.rights import ADMIN_TOKEN
from tests.operator.world import CONFIG, World

from wayhome.policy.united import pack

SITE, TEAM = "kube-system/site", "kube-system/team"
OTHER = "nonMasqueradeCIDRs:\n  - 172.16.0.0/12\n"


def put(world: World, name: str, text: str) -> str:
    item = {"metadata": {"name": name}, "data": {"config": text}}
    made = world.server.ask("POST", "/api/v1/namespaces/kube-system/configmaps", item)
    assert isinstance(made, dict)
    return str(made["metadata"]["resourceVersion"])


@pytest.fixture
def several(world: World) -> World:
    world.daemon_set(
        "wayhome-agent",
        "registry.example/wayhome:1",
        f"--configmap={SITE},{TEAM}",
        namespace="wayhome",
    )
    world.node("a", podCIDRs=["172.16.0.0/24"])
    return world


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "new"
    path.write_text(CONFIG)
    return str(path)


def test_what_another_configmap_keeps_is_kept(several: World, file: str) -> None:
    put(several, "team", OTHER)
    put(several, "site", "masqLinkLocal: false\n")
    found = several.document("apply", file, "--dry-run", "--force-conflicts")
    (reading,) = found["readings"]
    assert (reading["daemonsets"], reading["configmaps"]) == (
        ["wayhome/wayhome-agent"],
        [SITE, TEAM],
    )
    assert [(c["prefix"], c["then"], c["configmap"]) for c in reading["changes"]] == [
        ("10.0.0.0/8", "keep", SITE)
    ]
    assert found["findings"] == []  # team keeps the Pod range
    status = several.run("status").stdout
    assert "Pod range" not in status


def test_what_is_wrong_together_is_refused(several: World, file: str) -> None:
    put(several, "team", "masqueradeCIDRs:\n  - 10.0.0.0/8\n")
    done = several.run("apply", file, "--yes", "--ask-nodes=0")
    assert done.returncode == 1
    assert "nothing was changed" in done.stdout
    assert "10.0.0.0/8" in done.stdout
    put_again = "nonMasqueradeCIDRs: 7\n"
    several.server.ask("DELETE", "/api/v1/namespaces/kube-system/configmaps/team")
    put(several, "team", put_again)
    done = several.run("apply", file, "--yes", "--ask-nodes=0")
    assert done.returncode == 1
    assert "kube-system/team:1: error: " in done.stdout
    assert "kube-system/team, line 1: " in several.run("status").stdout


def test_a_node_is_current_by_the_digest_of_all(several: World) -> None:
    put(several, "team", OTHER)
    put(several, "site", CONFIG)
    text = pack({SITE: CONFIG.encode(), TEAM: OTHER.encode()})
    digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
    several.holds("a", CONFIG, f"{SITE}=1,{TEAM}=1", held_digest=digest)
    assert several.document("status")["exit_code"] == 0
    several.holds("a", CONFIG, f"{SITE}=1,{TEAM}=1")
    assert several.document("status")["conditions"] == {"behind": 1}


def test_one_of_several_that_is_not_there_says_nothing(several: World, file: str) -> None:
    version = put(several, "team", OTHER)
    text = pack({TEAM: OTHER.encode()})
    digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
    several.holds("a", OTHER, version, held_digest=digest)
    found = several.document("status")
    assert found["conditions"] == {"current": 1}
    assert any(
        "the other ConfigMaps that agents read hold alone" in n["text"] for n in found["notes"]
    )
    changed = several.document("apply", file, "--dry-run")["readings"][0]["changes"]
    assert [(c["prefix"], c["then"]) for c in changed] == [("10.0.0.0/8", "keep")]


@pytest.fixture
def kinds(world: World) -> World:
    """One DaemonSet without flags, one of other flags for some nodes, and a third that runs nowhere."""
    world.wayhome()
    for name, flag in (
        ("six", "--enable-ipv6=false"),
        ("ranges", "--nomasq-all-reserved-ranges"),
        ("nowhere", "--nomasq-all-reserved-ranges=true"),
    ):
        world.daemon_set(
            f"wayhome-{name}",
            "registry.example/wayhome:1",
            "--configmap=kube-system/ip-masq-agent",
            flag,
            namespace="wayhome",
            nodeSelector={"pool": name},
        )  # fmt: skip
    world.node("a", labels={"pool": "ranges"})
    return world


def test_each_daemonset_that_covers_a_node_is_asked_what_changes(kinds: World, file: str) -> None:
    shown = kinds.run("apply", file, "--dry-run").stdout
    first, second = shown.split("and as DaemonSet wayhome/wayhome-ranges (wayhome) reads it:")
    assert "192.0.2.0/24" not in first
    assert "192.0.2.0/24 " in second
    assert "wayhome-six" not in shown
    assert "nowhere" not in shown
    one, other = kinds.document("apply", file, "--dry-run")["readings"]
    assert (one["daemonsets"], other["daemonsets"]) == (
        ["wayhome/wayhome-agent"],
        ["wayhome/wayhome-ranges"],
    )
    reserved = [{"192.0.2.0/24"} & {c["prefix"] for c in each["changes"]} for each in (one, other)]
    assert reserved == [set(), {"192.0.2.0/24"}]


def test_what_one_of_them_would_reject_is_refused_by_its_name(kinds: World, file: str) -> None:
    text = CONFIG + "  - 2001:db8::/32\n"
    Path(file).write_text(text)
    kinds.node("b")
    assert kinds.document("apply", file, "--dry-run")["result"] == "dry run"
    kinds.node("c", labels={"pool": "six"})
    found = kinds.document("apply", file, "--dry-run")
    assert (found["exit_code"], found["result"]) == (1, "refused")
    (finding,) = (f for f in found["findings"] if f["severity"] == "error")
    assert finding["line"] == 3
    assert "(as DaemonSet wayhome/wayhome-six (wayhome) reads it)" in finding["problem"]
    put(kinds, "ip-masq-agent", text)
    status = kinds.run("status")
    assert status.returncode == 1
    assert "as DaemonSet wayhome/wayhome-six (wayhome) reads it" in " ".join(status.stdout.split())


def test_what_may_not_be_seen_of_the_others_is_not_taken_for_nothing(
    several: World, file: str
) -> None:
    put(several, "site", CONFIG)
    control = several.server.control
    control("POST", "tokens", token="operators-token", user="operator")
    reading = {"user": "operator", "verbs": ["get", "list", "watch"]}
    control("POST", "rules", **reading, resources=["configmaps"], names=["site"])
    control("POST", "rules", **reading, resources=["nodes"])
    control("POST", "rules", **reading, resources=["leases"], group="coordination.k8s.io")
    control("POST", "rules", **reading, resources=["daemonsets"], group="apps")
    text = several.server.kubeconfig.read_text()
    several.server.kubeconfig.write_text(text.replace(ADMIN_TOKEN, "operators-token"))
    done = several.run("apply", file, "--dry-run")
    assert done.returncode == 3
    assert "ConfigMap kube-system/team cannot be read" in " ".join(done.stdout.split())
    status = several.document("status")
    assert status["exit_code"] == 3
    assert "kube-system/team cannot be read" in status["notes"][0]["text"]


def test_a_canary_is_current_by_the_digest_of_its_candidate_and_the_others(several: World) -> None:
    put(several, "team", OTHER)
    text = pack({SITE: CONFIG.encode(), TEAM: OTHER.encode()})
    digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
    item = {
        "metadata": {"name": "site", "annotations": {"wayhome/canary-nodes": "a"}},
        "data": {"config": "masqLinkLocal: true\n", "config.next": CONFIG},
    }
    several.server.ask("POST", "/api/v1/namespaces/kube-system/configmaps", item)
    several.holds(
        "a", CONFIG, "1", held_digest=digest, held_key=f"{SITE}=config.next,{TEAM}=config"
    )
    assert several.conditions() == {"a": "current"}
    alone = pack({SITE: b"masqLinkLocal: true\n", TEAM: OTHER.encode()})
    of_all_others = f"sha256:{hashlib.sha256(alone).hexdigest()}"
    several.holds("a", CONFIG, "1", held_digest=of_all_others)
    assert several.conditions() == {"a": "behind"}
