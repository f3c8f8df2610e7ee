"""All tests run in namespaces of their own, as root and as an ordinary user; each test gets a fresh network.

The first process of a run leaves the host before its workers start (`wayhome.lab.pytest_plugin`, `leave_host` in
pyproject.toml). Where this machine refuses namespaces, the tests marked `kernel` are skipped with the others that ask for
them, counted, and the reason stands in the summary.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from tests.cluster import outside
from tests.kernel.wire import Wire

from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.pytest_plugin import LEFT, REFUSED

# No test asserts a time: a loaded machine would fail it.
settings.register_profile("wayhome", deadline=None)
settings.load_profile("wayhome")


def pytest_configure(config: pytest.Config) -> None:
    """Comes before the plugin's, which leaves the host."""
    if LEFT not in os.environ and REFUSED not in os.environ:  # a worker was started inside
        outside.stay()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if REFUSED in os.environ:
        for item in items:
            if item.get_closest_marker("kernel"):
                item.add_marker(pytest.mark.skip(reason=os.environ[REFUSED]))


@pytest.fixture
def wire(netns: NetworkNamespace) -> Iterator[Wire]:
    """A network for packets, with the calling thread in the node's part. Ask for it in tests marked `kernel`."""
    made = Wire()
    try:
        with made.node.entered():
            yield made
    finally:
        made.close()


def real_root() -> bool:
    """Whether this process is root outside any user namespace, and so may send netlink messages of any size."""
    with open("/proc/self/uid_map") as uid_map:
        return os.geteuid() == 0 and uid_map.read().split()[2] == "4294967295"
