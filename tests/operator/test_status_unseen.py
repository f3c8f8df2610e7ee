"""`wayhome cluster status` that may not look at everything, or reaches no cluster."""

import pytest
from tests.kube.api_server.rights import ADMIN_TOKEN
from tests.kube.server_process import ServerProcess
from tests.operator.world import CONFIG, World


def restrict(world: World, *granted: tuple[str, str]) -> None:
    """The operator has only these rights: (resource, group)."""
    control(world.server, granted)
    text = world.server.kubeconfig.read_text()
    world.server.kubeconfig.write_text(text.replace(ADMIN_TOKEN, "operators-token"))


def control(server: ServerProcess, granted: tuple[tuple[str, str], ...]) -> None:
    server.control("POST", "tokens", token="operators-token", user="operator")
    server.control("POST", "rules", user="operator", verbs=["get"], resources=["nothing"])
    for resource, group in granted:
        server.control(
            "POST", "rules", user="operator", verbs=["get", "list", "watch"], resources=[resource], group=group
        )  # fmt: skip


ALL = (
    ("configmaps", ""),
    ("nodes", ""),
    ("leases", "coordination.k8s.io"),
    ("daemonsets", "apps"),
)


@pytest.mark.parametrize("missing", [None, "configmaps", "nodes", "leases", "daemonsets"])
def test_a_right_that_is_missing_is_named_and_never_green(
    world: World, missing: str | None
) -> None:
    world.wayhome()
    version = world.put(CONFIG)
    world.node("a")
    if missing != "daemonsets":  # whose agents there are matters only where one is silent
        world.holds("a", CONFIG, version)
    restrict(world, *(right for right in ALL if right[0] != missing))
    done = world.run("status")
    assert done.returncode == (3 if missing else 0), done.stdout
    assert (f'cannot list resource "{missing}"' in done.stdout) or (
        missing is None or f'cannot get resource "{missing}"' in done.stdout
    )


def test_a_cluster_that_cannot_be_asked(world: World) -> None:
    world.server.stop()
    done = world.run("status")
    assert (done.returncode, done.stdout) == (3, "")
    assert "cannot be reached" in done.stderr
    (world.folder / "new").write_text(CONFIG)
    for asked in (("status",), ("apply", "new", "--yes"), ("probe", "a/b", "10.0.0.1:80")):
        found = world.document(*asked)
        assert (found["exit_code"], set(found)) == (3, {"schema", "exit_code", "error"})
        assert "cannot be reached" in found["error"]
    world.server.kubeconfig.write_text("{}")
    assert world.run("status").returncode == 2
    assert world.document("status")["exit_code"] == 2
    world.server.start()
