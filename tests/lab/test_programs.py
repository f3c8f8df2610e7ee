import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tests.lab.small import SERVER, small_network

from wayhome.lab.capture import CAPTURING
from wayhome.lab.compiled import BuiltNetwork
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.programs import Program, ProgramError
from wayhome.network import Network
from wayhome.probe.server import LISTENING

pytestmark = pytest.mark.kernel
Build = Callable[[Network], BuiltNetwork]


def program(node: str, *argv: str) -> Program:
    return Program(node, "program", (sys.executable, *argv))


def test_a_program_runs_in_its_nodes_network_and_its_output_is_kept(build: Build) -> None:
    network = build(small_network())
    running = network.start(program("server", "-c", "import socket; print(socket.if_nameindex())"))
    assert running.process.wait(10) == 0
    assert "'p0'" in running.text()
    assert running.output.name == "0.server.program.log"


INTERRUPTED_WHILE_IT_FORKS = """
import os, signal, sys
from pathlib import Path
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.programs import Program, start
signal.signal(signal.SIGINT, signal.default_int_handler)
os.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGINT))
try:
    start(Program("node", "sleep", ("sleep", "60")), NetworkNamespace.current(), Path(sys.argv[1]))
except KeyboardInterrupt:
    sys.exit(7)
"""


def test_an_interruption_while_a_program_starts_is_not_lost(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_IT_FORKS, tmp_path / "output"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (7, "")


def test_a_program_hears_no_ctrl_c_of_the_terminal_and_blocks_no_signal(build: Build) -> None:
    running = build(small_network()).start(Program("server", "sleep", ("sleep", "60")))
    assert os.getpgid(running.process.pid) == running.process.pid
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    assert int(status.partition("SigBlk:")[2].split()[0], 16) == 0
    running.stop()


def test_a_program_that_ends_early_is_an_error_with_what_it_said(build: Build) -> None:
    running = build(small_network()).start(program("server", "-c", "import sys; sys.exit('no!')"))
    with pytest.raises(
        ProgramError, match=r"program on server ended with exit status 1; it printed last:\nno!$"
    ):
        running.wait_until(lambda text: "ready" in text, 10)


def test_a_program_that_ignores_the_request_to_end_is_killed(build: Build) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); "
        "time.sleep(60)"
    )
    running = build(small_network()).start(program("server", "-c", stubborn))
    running.wait_until(lambda text: "up" in text, 10)
    assert running.stop(0.1) == -signal.SIGKILL


HOLDER = """
import os, sys, time
from pathlib import Path
from tests.lab.small import small_network
from tests.lab.test_programs import cookie
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.compiled import BuiltNetwork
from wayhome.lab.programs import Program
network = BuiltNetwork(small_network(), Path(sys.argv[1]))
for node in ("client", "server"):
    network.start(Program(node, "sleep", ("sleep", "60")))
print(*(running.process.pid for running in network.programs))
print(*(cookie(n) for n in network.namespaces.values()), flush=True)
time.sleep(60)
"""


def test_after_sigkill_no_program_and_no_namespace_is_left(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])},
    )  # fmt: skip
    assert holder.stdout
    with holder.stdout as said:
        programs = [int(pid) for pid in said.readline().split()]
        networks = {int(number) for number in said.readline().split()}
    assert len(programs) == 2
    assert len(networks) == 3
    assert networks <= held_networks()
    holder.kill()
    holder.wait()
    until = time.monotonic() + 5
    while time.monotonic() < until and (any(map(alive, programs)) or networks & held_networks()):
        time.sleep(0.01)
    assert not any(map(alive, programs))
    assert not networks & held_networks()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def cookie(namespace: NetworkNamespace) -> int:
    """A network's number that is never given again, unlike its inode's (SO_NETNS_COOKIE, Linux 5.14)."""
    with namespace.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        return int.from_bytes(asking.getsockopt(socket.SOL_SOCKET, 71, 8), sys.byteorder)


def held_networks() -> set[int]:
    """The cookies of the networks that any process of this machine is in or holds a descriptor of."""
    links = [
        link
        for process in Path("/proc").glob("[0-9]*")
        for link in (process / "ns/net", *_descriptors(process))
    ]
    held: dict[str, int] = {}
    for link in links:
        with suppress(OSError):  # it ended meanwhile, or it is not ours to look into
            target = str(link.readlink())
            if target.startswith("net:[") and target not in held:
                with NetworkNamespace(os.open(link, os.O_RDONLY)) as namespace:
                    held[target] = cookie(namespace)
    return set(held.values())


def _descriptors(process: Path) -> list[Path]:
    try:
        return list((process / "fd").iterdir())
    except OSError:
        return []


def test_a_capture_is_a_pcap_with_the_packets_that_passed(build: Build, tmp_path: Path) -> None:
    network = build(small_network())
    server = network.start(program("server", "-m", "wayhome.probe.server"))
    server.wait_until(lambda text: LISTENING in text, 10)
    file = tmp_path / "fabric.pcap"
    capture = network.start(program("fabric", "-m", "wayhome.lab.capture", str(file)))
    capture.wait_until(lambda text: CAPTURING in text, 10)
    before = time.time()
    with network.namespace("client").entered():
        subprocess.run(
            [sys.executable, "-c", f"import socket; socket.create_connection(('{SERVER}', 23)).recv(99)"],
            check=True,
        )  # fmt: skip
    time.sleep(0.2)
    assert capture.stop() == 0
    frames = read_pcap(file.read_bytes())
    assert f"{len(frames)} packets" in capture.text()
    assert all(before - 1 < seconds < time.time() + 1 for seconds, _ in frames)
    greeting = [f for _, f in frames if f[12:14] == b"\x08\x00" and f.endswith(b"10.0.0.1\n")]
    assert len(greeting) == 2  # in by one port, out by the other


def read_pcap(data: bytes) -> list[tuple[float, bytes]]:
    """The times and frames of a file, read as its specification says and not with our own code."""
    order = {0xA1B23C4D: "little", 0x4D3CB2A1: "big"}[int.from_bytes(data[:4], "little")]

    def number(offset: int, size: int = 4) -> int:
        return int.from_bytes(data[offset : offset + size], order)  # type: ignore[arg-type]

    assert (number(4, 2), number(6, 2), number(20)) == (2, 4, 1)
    frames, at = [], 24
    while at < len(data):
        length = number(at + 8)
        assert length == number(at + 12)
        frames.append((number(at) + number(at + 4) / 1e9, data[at + 16 : at + 16 + length]))
        at += 16 + length
    assert at == len(data)
    return frames
