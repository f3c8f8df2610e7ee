"""Fixtures of pytest for whoever tests network programs: `lab` (and `lab_factory`), `node` and `netns`.

pytest loads this in every run on a machine with wayhome, so it imports nothing and does nothing before it is asked:

- `lab` and `node` are held by a process of their own (`lab.testing`). The run itself stays where it is.
- `netns` moves the calling thread. An ordinary user may do that only in a user namespace, which a process enters as a
  whole and while it has one thread: so a run has to leave the host before its tests, and before pytest-xdist starts
  workers, which have threads. It does with `leave_host = true` in the settings, or `--leave-host`; what it loses with
  the host is everything that is not in the files. Root's threads may move at any time.

Where a machine refuses namespaces, or its kernel lacks what a lab needs, the tests that ask for them are skipped with
the reason, and the last lines of the run say how many they were and what works instead.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from wayhome.lab.namespaces import NamespaceRefusedError, NetworkNamespace
    from wayhome.lab.testing import Lab, Node
    from wayhome.network import Network

    BuildLab = Callable[[Network | Path | str], Lab]

LEFT = "WAYHOME_LAB_LEFT_HOST"
"""The variable by which a worker knows that it was started in namespaces."""
REFUSED = "WAYHOME_LAB_REFUSED"
"""The variable that says why a run that wanted to leave the host could not: the reason for skipping."""
NO_LAB = "no lab on this machine"
INSTEAD = "This works instead: "
_REFUSAL = pytest.StashKey[str]()
_SKIPPED = pytest.StashKey[Counter[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """How a run is told to leave the host."""
    said = "run all tests in a network with nothing but loopback, as root of a user namespace"
    parser.getgroup("wayhome").addoption("--leave-host", action="store_true", help=f"{said}.")
    parser.addini("leave_host", f"{said} (wayhome).", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Leave the host, if that is wanted and not done."""
    wanted = config.getoption("leave_host") or config.getini("leave_host")
    if not wanted or LEFT in os.environ or REFUSED in os.environ:
        return
    if sys.platform != "linux":
        os.environ[REFUSED] = _not_linux()
        return
    from wayhome.lab.namespaces import NamespaceRefusedError, enter  # noqa: PLC0415
    from wayhome.lab.state import user_outside  # noqa: PLC0415

    threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    if threads > 1:
        raise pytest.UsageError(
            f"--leave-host: this process has {threads} threads already, and only a process with one can leave the "
            "host; some plugin starts them before it is configured (`-p no:NAME` leaves a plugin out)"
        )
    # pytest names its folder in /tmp after the user, and in a user namespace everybody is root.
    os.environ["LOGNAME"] = f"uid-{user_outside()}"
    try:
        enter()
        os.environ[LEFT] = "1"
    except NamespaceRefusedError as refused:
        os.environ[REFUSED] = _reason(refused)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Collect why tests were skipped, of all workers."""
    skipped = (str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []))
    terminalreporter.config.stash[_SKIPPED] = Counter(
        text.removeprefix("Skipped: ") for text in skipped if NO_LAB in text
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last lines of all say what was not tested, why, and what works instead."""
    for text, number in config.stash.get(_SKIPPED, Counter()).items():
        reason, _, instead = text.partition(INSTEAD)
        print(f"{number} tests skipped: {reason}{INSTEAD.strip()}\n{instead}" if instead else text)  # noqa: T201


@pytest.fixture(scope="session")
def lab_factory(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[BuildLab]":
    """Builds labs for fixtures of any scope, each a context manager. They end with the run at the latest."""
    with ExitStack() as held:

        def build(what: "Network | Path | str") -> "Lab":
            with _skipping(pytestconfig):
                from wayhome.lab.testing import lab_of  # noqa: PLC0415

                return held.enter_context(lab_of(what, tmp_path_factory.mktemp("lab")))

        yield build


@pytest.fixture
def lab(request: pytest.FixtureRequest, lab_factory: "BuildLab") -> "Iterator[BuildLab]":
    """Builds labs of a network, or of a directory of exports, that end with the test.

    What died in them, and how their programs ended, stands in the report of a test that fails.
    """
    with ExitStack() as held:

        def build(what: "Network | Path | str") -> "Lab":
            built = held.enter_context(lab_factory(what))
            held.callback(_tell, request.node, built)
            return built

        yield build


@pytest.fixture
def node(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[Node]":
    """One node alone, with loopback and nothing else, on which the test's programs are root and harm nobody."""
    with ExitStack() as held:
        with _skipping(request.config):
            from wayhome.lab.testing import Lab  # noqa: PLC0415

            alone = held.enter_context(Lab(None, tmp_path_factory.mktemp("node")))
        held.callback(_tell, request.node, alone)
        (one,) = alone.nodes.values()
        yield one


@pytest.fixture
def netns(request: pytest.FixtureRequest) -> "Iterator[NetworkNamespace]":
    """A fresh network with loopback, entered by the test's thread: what the test itself opens and starts is in it."""
    if REFUSED in os.environ:
        pytest.skip(os.environ[REFUSED])
    with ExitStack() as held:
        with _skipping(request.config):
            from wayhome.lab.namespaces import NetworkNamespace  # noqa: PLC0415

            try:
                namespace = held.enter_context(NetworkNamespace.create())
            except PermissionError:
                pytest.fail(
                    "netns: an ordinary user's test cannot enter a network while the run is on the host. Run with "
                    "--leave-host, write `leave_host = true` into pytest's settings, or use the fixture `node`",
                    pytrace=False,
                )
        held.enter_context(namespace.entered())
        yield namespace


@contextmanager
def _skipping(config: pytest.Config) -> Iterator[None]:
    """Skip the test where this machine refuses, which it is asked once, or its kernel lacks what this network needs."""
    if sys.platform != "linux":
        pytest.skip(_not_linux())
    if refusal := config.stash.get(_REFUSAL, ""):
        pytest.skip(refusal)
    from wayhome.lab.namespaces import NamespaceRefusedError  # noqa: PLC0415
    from wayhome.lab.programs import ProgramError  # noqa: PLC0415

    try:
        yield
    except NamespaceRefusedError as refused:
        config.stash[_REFUSAL] = _reason(refused)
        pytest.skip(config.stash[_REFUSAL])
    except ProgramError as error:
        from wayhome.lab.compiled.missing import MissingFeatureError  # noqa: PLC0415

        if not isinstance(error, MissingFeatureError):
            raise
        *lacking, instead = str(error).splitlines()
        pytest.skip(f"{NO_LAB}: {' '.join(line.strip() for line in lacking)} {INSTEAD}{instead}")


def _reason(refused: "NamespaceRefusedError") -> str:
    from wayhome.lab.namespaces import CONTAINER_OPTIONS  # noqa: PLC0415

    instead = refused.command
    if refused.in_container and "WAYHOME_COMMAND" not in os.environ:
        instead = f"a container that is started with {CONTAINER_OPTIONS}"
    return f"{NO_LAB}: {refused.reason}. {INSTEAD}{instead}"


def _not_linux() -> str:
    return f"{NO_LAB}: network namespaces are Linux's, and this is {sys.platform}"


def _tell(item: pytest.Item, built: "Lab") -> None:
    """Tell it to pytest, which prints it if the test has failed."""
    from wayhome.lab.programs import ProgramError  # noqa: PLC0415

    try:
        told = built.story()
    except ProgramError as ended:  # before its test did
        told = str(ended)
    if told:
        item.add_report_section("teardown", "lab", told)
