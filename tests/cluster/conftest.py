"""Each scenario runs twice: against the tests' API server, and against the cluster that KUBECONFIG names."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cluster.agent import ClusterAgent, agents
from tests.cluster.place import Place
from tests.cluster.target import OwnServer, Target, given

from wayhome.lab.namespaces import NetworkNamespace

OWN, GIVEN = "own", "kubeconfig"


@pytest.fixture(params=[OWN, GIVEN])
def target(
    netns: NetworkNamespace, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Target]:
    if request.param == OWN:
        server = OwnServer(tmp_path)
        yield server.target()
        assert server.stop() == 0
        return
    with one_at_a_time():
        yield reached()


def reached() -> Target:
    found = given()
    if isinstance(found, str):
        pytest.skip(found)
    return found


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """The commands look at all DaemonSets and Nodes of a cluster, and so would see another scenario's."""
    with Path(tempfile.gettempdir(), "wayhome-cluster-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def place(target: Target, netns: NetworkNamespace, tmp_path: Path) -> Iterator[Place]:
    made = Place(target, tmp_path, netns)
    try:
        made.make()
        yield made
    finally:
        made.close()


@pytest.fixture
def agent(place: Place) -> Iterator[ClusterAgent]:
    """With the rights of the chart, and running."""
    place.install()
    with agents(place) as (one,):
        yield one
