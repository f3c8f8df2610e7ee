"""`wayhome cluster apply` as a process, against the tests' API server and agents that say what they hold."""

from collections.abc import Callable

from tests.kube.api_server.rights import ADMIN_TOKEN
from tests.operator.agents import Agents
from tests.operator.changing import NEW, NODES, content, ours, undo
from tests.operator.world import CONFIG, World


def test_a_new_configuration_is_everywhere_and_the_command_undoes_it(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    agents = started()
    ours(world)
    done = world.run("apply", file, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert content(world) == ({"config": NEW}, {"wayhome/nodes": "3"})
    assert [agents.held(node) for node in NODES] == [NEW] * 3
    assert "172.16.0.0/16  the node's address -> the Pod's address  (line 3)" in done.stdout
    assert "3 of 3 nodes on version" in done.stdout
    undo(world, done.stdout)
    assert content(world) == ({"config": CONFIG}, {"wayhome/nodes": "3"})
    assert world.run("apply", file, "--yes").returncode == 0  # and nobody else has it now


EVIL = 'nonMasqueradeCIDRs: [10.0.0.0/8]  # it\'s "quoted" $HOME `id` \\ \u00e9 \u202e\r\n\n\n'


def test_the_undoing_command_restores_any_text_byte_for_byte(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    started()
    for text in (EVIL, "# long\n" * 1000 + CONFIG):
        ours(world, text)
        done = world.run("apply", file, "--yes")
        assert done.returncode == 0, done.stdout
        assert "\u202e" not in done.stdout
        undo(world, done.stdout)
        assert content(world) == ({"config": text}, {"wayhome/nodes": "3"})


def test_without_a_configmap_it_is_made_and_undoing_removes_it(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    started()
    done = world.run("apply", file, "--yes")
    assert done.returncode == 0
    assert content(world) == ({"config": NEW}, {"wayhome/nodes": "3"})
    undo(world, done.stdout)
    assert content(world) is None


def test_a_dry_run_writes_nothing(world: World, started: Callable[..., Agents], file: str) -> None:
    started()
    done = world.run("apply", file, "--dry-run")
    assert done.returncode == 0
    assert "172.16.0.0/12 but 172.16.0.0/16  the Pod's address -> the node's address" in done.stdout
    assert content(world) is None


def test_a_file_with_errors_is_not_written(world: World, started: Callable[..., Agents]) -> None:
    started()
    done = world.run("apply", "-", "--yes", given="nonMasqueradeCIDRs:\n  - 10.0.0.1/8\n")
    assert done.returncode == 1
    assert "-:2: error: " in done.stdout
    assert "cannot be compared" not in done.stdout  # it is the new one that is none
    assert content(world) is None


def test_the_document_says_it_all(world: World, started: Callable[..., Agents], file: str) -> None:
    started()
    found = world.document("apply", file, "--yes")
    assert (found["exit_code"], found["result"]) == (0, "applied")
    assert found["readings"][0]["changes"][-1]["prefix"] == "192.168.0.0/16"
    assert found["status"]["conditions"] == {"current": 3}
    assert found["undo"].startswith("kubectl ")
    again = world.document("apply", file, "--yes")
    assert (again["result"], again["undo"]) == ("unchanged", None)
    world.put(CONFIG)
    refused = world.document("apply", file, "--yes")
    assert (refused["exit_code"], refused["result"]) == (1, "refused")
    assert "kubectl-create" in refused["reasons"][0]


def test_without_the_right_to_write_nothing_is_begun(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    started()
    world.server.control("POST", "tokens", token="operators-token", user="operator")
    for resource, group in (
        ("configmaps", ""),
        ("nodes", ""),
        ("leases", "coordination.k8s.io"),
        ("daemonsets", "apps"),
    ):
        world.server.control(
            "POST", "rules", user="operator", verbs=["get", "list", "watch"], resources=[resource], group=group
        )  # fmt: skip
    text = world.server.kubeconfig.read_text()
    world.server.kubeconfig.write_text(text.replace(ADMIN_TOKEN, "operators-token"))
    done = world.run("apply", file, "--yes")
    assert done.returncode == 3
    assert 'cannot patch resource "configmaps"' in done.stdout
    assert content(world) is None
