"""The fixtures as strangers use them: pytest in a process of its own, as two users, outside of any namespace of ours."""

import os
import platform
import re
import signal
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from tests.deploy.test_image import wheel
from tests.lab.compiled.test_killed import everybody, networks_of
from tests.lab.compiled.test_missing import nft_without_fib
from tests.lab.conftest import WayhomeCommand
from tests.lab.test_refusals import CALLS, UNDER_A_FILTER, instructions
from tests.lab.test_teardown import running, wait_until

from wayhome.lab.pytest_plugin import LEFT

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
BY_NAME = ("-p", "wayhome.lab.pytest_plugin")
"""This clone is not installed; where wayhome is, pytest finds the plugin itself."""
PYTEST = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"


class Pytest:
    """`pytest` in an empty folder, of one user."""

    def __init__(self, command: WayhomeCommand) -> None:
        ours = (LEFT, "WAYHOME_COMMAND")  # what the run of these tests has told its processes
        outside = {name: value for name, value in command.environment.items() if name not in ours}
        self.folder = Path(outside["XDG_RUNTIME_DIR"]) / "strangers"
        self.folder.mkdir(mode=0o755)
        self.environment = outside
        self.command = replace(command, environment=outside)

    def __call__(self, text: str, *arguments: str, script: str = PYTEST) -> str:
        """Run a file of tests. Returns what was printed; the last line is the exit status."""
        return self.done(text, *arguments, script=script).stdout

    def done(
        self, text: str, *arguments: str, script: str = PYTEST
    ) -> "subprocess.CompletedProcess[str]":
        return replace(self.command, environment=self.environment)(
            "-c", script, *self.arguments(text), *arguments
        )

    def arguments(self, text: str) -> tuple[str, ...]:
        file = self.folder / "test_strangers.py"
        file.write_text(text)
        file.chmod(0o644)
        quiet = ("-p", "no:cacheprovider", "-W", "error", "-rs", f"--rootdir={self.folder}")
        return (str(file), *quiet, f"--basetemp={self.folder.parent / 'base'}")


@pytest.fixture
def run(wayhome_command: WayhomeCommand) -> Pytest:
    return Pytest(wayhome_command)


def outcome(said: str) -> str:
    """`2 passed, 1 skipped`."""
    return str(re.findall(r"^=+ (.*) in [\d.]+s =+$", said, re.MULTILINE)[-1])


def test_the_examples_of_the_documentation(run: Pytest, tmp_path: Path) -> None:
    """With the wheel, by whose entry point pytest finds the fixtures."""
    text = (ROOT / "docs/pytest.md").read_text()
    examples = "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    exports = run.folder / "exports"
    for source in (ROOT / "examples/the-case/exports").rglob("*"):
        target = exports / source.relative_to(ROOT / "examples/the-case/exports")
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    site = run.folder.parent / "site"
    with zipfile.ZipFile(wheel(tmp_path / "wheels")) as built:
        built.extractall(site)
    paths = [str(site), *filter(None, [run.environment.get("PYTHONPATH")])]
    run.environment = {**run.environment, "PYTHONPATH": os.pathsep.join(paths)}
    said = run(examples.replace("examples/the-case/exports", str(exports)))
    assert outcome(said) == "6 passed", said


STAYS = """
import os, sys, threading, pytest
def test_the_process_stays_where_it_is_and_loads_nothing():
    assert os.readlink("/proc/self/ns/net") == os.environ["OUTSIDE"]
    assert os.getppid() != 1
    ours = {name for name in sys.modules if name.startswith("wayhome")}
    assert ours == {"wayhome", "wayhome.lab", "wayhome.lab.pytest_plugin"}
"""


def test_who_does_not_ask_for_the_fixtures_is_left_alone(run: Pytest) -> None:
    run.environment = {**run.environment, "OUTSIDE": str(Path("/proc/self/ns/net").readlink())}
    said = run(STAYS, *BY_NAME)
    assert outcome(said) == "1 passed", said


THREADS = """
import os, sys, threading
import pytest

@pytest.fixture(autouse=True, scope="session")
def thread():
    end = threading.Event()
    waiting = threading.Thread(target=end.wait)
    waiting.start()
    yield
    end.set()
    waiting.join()

@pytest.mark.parametrize("number", range(2))
def test_a_network(lab, number):
    from wayhome.lab.testing import lan
    network = lab(lan(a="10.0.0.1", b="10.0.0.2"))
    outside = os.readlink("/proc/self/ns/net")
    assert network.node("a").run("readlink", "/proc/self/ns/net").stdout.strip() != outside
    network.node("b").start(sys.executable, "-c", "import http.server as h; h.test(port=80)")
    network.node("b").wait_until_served(80)
    with network.node("a").socket() as client:
        client.connect(("10.0.0.2", 80))
        assert client.getpeername() == ("10.0.0.2", 80)
    assert os.readlink("/proc/self/ns/net") == outside

def test_several_threads_use_one_node(node):
    said = []
    threads = [
        threading.Thread(target=lambda n=n: said.append(node.run("echo", str(n)).stdout))
        for n in range(8)
    ]
    for one in threads: one.start()
    for one in threads: one.join()
    assert sorted(said) == [f"{n}\\n" for n in range(8)]
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_with_threads_and_in_workers(run: Pytest, workers: str) -> None:
    said = run(THREADS, *BY_NAME, "-n", workers)
    assert outcome(said) == "3 passed", said


ENTERED = """
import os, socket
import pytest

def test_in_a_network(netns):
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
    with socket.create_server(("127.0.0.1", 80)):
        pass

def test_a_node_is_entered(lab):
    from wayhome.lab.testing import lan
    network = lab(lan(a="10.0.0.1", b="10.0.0.2"))
    with network.node("b").entered(), socket.create_server(("10.0.0.2", 80)):
        with network.node("a").entered():
            socket.create_connection(("10.0.0.2", 80)).close()
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_that_leaves_the_host(run: Pytest, workers: str) -> None:
    (run.folder / "pytest.ini").write_text("[pytest]\nleave_host = true\n")
    said = run(ENTERED, *BY_NAME, "-n", workers)
    assert outcome(said) == "2 passed", said


def test_on_the_host_only_root_enters_a_network(run: Pytest) -> None:
    said = run(ENTERED, *BY_NAME)
    if run.command.user is None:
        assert outcome(said) == "2 passed", said
    else:
        assert outcome(said) == "1 failed, 1 error", said
        assert "write `leave_host = true` into pytest's settings, or use the fixture `node`" in said
        assert "use the node's socket() or run(), or let the whole run leave the host" in said


THREAD_OF_A_PLUGIN = """
import threading, sys, pytest
end = threading.Event()
threading.Thread(target=end.wait, daemon=True).start()
status = pytest.main(sys.argv[1:])
end.set()
sys.exit(status)
"""


def test_a_process_with_threads_cannot_leave_the_host(run: Pytest) -> None:
    done = run.done(ENTERED, *BY_NAME, "--leave-host", script=THREAD_OF_A_PLUGIN)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "this process has 2 threads already" in done.stderr


SKIPPED = """
def test_a_lab(lab): lab("/")
def test_a_node(node): pass
def test_a_network(netns): pass
def test_something_else(): pass
"""


@pytest.mark.skipif(platform.machine() not in CALLS, reason="system calls have other numbers here")
@pytest.mark.parametrize("options", [(), ("-n", "2"), ("--leave-host",)])
def test_without_namespaces_tests_are_skipped_with_the_reason(
    run: Pytest, options: tuple[str, ...]
) -> None:
    """The filter refuses `mount`, so that nobody gets a lab; root gets a network of its own without one."""
    script = UNDER_A_FILTER.format(code=instructions("mount").hex())
    script = script[: script.index("from wayhome.lab import")] + PYTEST
    asked = SKIPPED if options == ("--leave-host",) else SKIPPED.replace("(netns)", "()")
    exports = str(ROOT / "examples/the-case/exports")
    done = run.done(asked.replace('"/"', repr(exports)), *BY_NAME, *options, script=script)
    skipped = 3 if options == ("--leave-host",) else 2
    assert outcome(done.stdout) == f"{4 - skipped} passed, {skipped} skipped", done.stdout
    *_, reason, instead = done.stdout.splitlines()
    assert reason.startswith(
        f"{skipped} tests skipped: no lab on this machine: this machine refuse"
    )
    assert "Operation not permitted" in reason
    assert reason.endswith("This works instead:")
    assert re.search(r"pytest|a container that is started with --cap-add SYS_ADMIN", instead)


LACKS = """
from wayhome.lab.testing import lan
def test_a_lab(lab): lab(lan(a="10.0.0.1"))
def test_a_node(node): pass
"""


def test_a_kernel_that_lacks_something_skips_who_needs_it(run: Pytest) -> None:
    programs = nft_without_fib(run.folder / "bin")
    run.environment = {**run.environment, "PATH": f"{programs}:/usr/bin:/bin"}
    said = run(LACKS, *BY_NAME)
    assert outcome(said) == "1 passed, 1 skipped", said
    *_, reason, instead = said.splitlines()
    assert reason.startswith("1 tests skipped: no lab on this machine: this machine's kernel (")
    assert "whose an address is, in rules (CONFIG_NFT_FIB_INET, module nft_fib_inet)" in reason
    assert instead == "modprobe --all nft_fib_inet"


FAILS = """
import sys
def test_that_fails(lab):
    network = lab({exports!r})
    network.node("my-pod").run(sys.executable, "-c", "import socket; socket.create_connection(('10.2.0.1', 80), 0.5)")
    network.node("my-pod").start("sh", "-c", "echo my last words; exit 3").process.wait(5)
    assert False
"""


def test_a_test_that_fails_tells_what_died_and_what_ended(run: Pytest) -> None:
    said = run(FAILS.format(exports=str(ROOT / "examples/the-case/exports")), *BY_NAME)
    assert outcome(said) == "1 failed", said
    assert re.search(r"^172.16.2.2:\d+ > 10.2.0.1:80 tcp died at ", said, re.MULTILINE) is None
    died = r"^10.2.0.1:80 > 172.16.2.2:\d+ tcp died at .*internet-gateway: PRIVATE_TRAFFIC_TO_INTERNET$"
    assert re.search(died, said, re.MULTILINE), said
    assert "sh on projects/source-project/" in said
    assert "my-pod ended with exit status 3; it printed last:\nmy last words\n" in said


KILLED = """
import sys, time
def test_that_is_killed(lab, node):
    from wayhome.lab.testing import lan
    node.start(sys.executable, "-c", {sleep!r}, {mark!r})
    lab(lan(a="10.0.0.1")).node("a").start(sys.executable, "-c", {daemon!r}, {mark!r})
    print(" up", flush=True)
    time.sleep(60)
"""
DAEMON = "import os, signal, time; os.fork() or os.setsid(); signal.signal(15, signal.SIG_IGN); time.sleep(1000)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_process_of_the_tests(run: Pytest, number: signal.Signals) -> None:
    mark = uuid4().hex
    text = KILLED.format(mark=mark, sleep="import time; time.sleep(1000)", daemon=DAEMON)
    arguments = run.arguments(text)
    command = replace(run.command, environment=run.environment)
    with command.start("-c", PYTEST, *arguments, "-s", *BY_NAME) as pytest_:
        assert pytest_.stdout
        try:
            assert any("up" in line for line in pytest_.stdout)
            wait_until(lambda: len(running(mark)) >= 3)
        finally:
            pytest_.send_signal(number)
        pytest_.stdout.read()
        assert pytest_.wait(10) != 0
    wait_until(lambda: not running(mark))


HALF_WAY = """
import sys
sys.path.append({mark!r})  # the server is told where to import from
def test_that_is_killed(lab):
    from wayhome.lab.testing import lan
    network = lan(**{{f"host{{n}}": f"10.0.0.{{n}}" for n in range(1, 200)}})
    print(" building", flush=True)
    lab(network)
"""


def test_nothing_is_left_of_a_lab_whose_test_is_killed_half_way(run: Pytest) -> None:
    mark = f"/{uuid4().hex}"
    ours = networks_of(os.getpid())
    made: set[str] = set()

    def half_way() -> bool:
        made.update(*(networks_of(process) for process in running(mark)))
        return len(made - ours) >= 20

    arguments = run.arguments(HALF_WAY.format(mark=mark))
    command = replace(run.command, environment=run.environment)
    with command.start("-c", PYTEST, *arguments, "-s", *BY_NAME) as pytest_:
        try:
            assert pytest_.stdout
            assert any("building" in line for line in pytest_.stdout)
            wait_until(half_way, pause=0)
        finally:
            pytest_.kill()
    wait_until(lambda: not running(mark), 30)
    wait_until(lambda: not any(networks_of(process) & (made - ours) for process in everybody()))
