"""All tests run in namespaces of their own, as root and as an ordinary user; each test gets a fresh network.

The first process of a run leaves the host before pytest-xdist starts its workers: they have threads, and a process
with threads cannot enter a user namespace. Where this machine refuses namespaces, the tests marked `kernel` are
skipped, counted, and the reason stands in the summary.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from tests.cluster import outside
from tests.kernel.wire import Wire

from wayhome.lab.namespaces import NamespaceRefusedError, NetworkNamespace, enter
from wayhome.lab.state import user_outside

NO_NAMESPACES = "no network namespaces here"
SKIPPED = pytest.StashKey[int]()
# No test asserts a time: a loaded machine would fail it.
settings.register_profile("wayhome", deadline=None)
settings.load_profile("wayhome")

REFUSED = "WAYHOME_TESTS_NO_NAMESPACES"
ENTERED = "WAYHOME_TESTS_IN_NAMESPACES"


def pytest_configure(config: pytest.Config) -> None:
    if ENTERED in os.environ or REFUSED in os.environ:
        return  # a worker: it was started inside
    # pytest names its folder in /tmp after the user, and in a user namespace everybody is root.
    os.environ["LOGNAME"] = f"uid-{user_outside()}"
    outside.stay()
    try:
        enter()
        os.environ[ENTERED] = "1"
    except NamespaceRefusedError as refused:
        os.environ[REFUSED] = str(refused)  # two lines: the reason, and the command that works


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if REFUSED in os.environ:
        for item in items:
            if item.get_closest_marker("kernel"):
                item.add_marker(pytest.mark.skip(reason=NO_NAMESPACES))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    terminalreporter.config.stash[SKIPPED] = sum(NO_NAMESPACES in str(r.longrepr) for r in skipped)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last lines of all say what was not tested, why, and the one command that tests it."""
    count = config.stash.get(SKIPPED, 0)
    if count:
        reason, command = os.environ[REFUSED].splitlines()
        print(f"{count} kernel tests skipped: {reason}. This works instead:\n{command}")  # noqa: T201


@pytest.fixture
def netns() -> Iterator[NetworkNamespace]:
    """A fresh network, entered: what the test starts and opens is in it. Ask for it only in tests marked `kernel`."""
    with NetworkNamespace.create() as namespace, namespace.entered():
        yield namespace


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
