"""The agent as a process, in a network of its own, and what the test does to its node."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

CASE = "nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n  - 10.1.0.0/16\n"
CASE_RANGES = ("172.16.0.0/16", "10.1.0.0/16")
DEFAULTS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
TIMEOUT = 10.0
PORT = 9696

# capset(2) with nothing: the process stays root, as a container does whose capabilities were dropped.
WITHOUT_RIGHTS = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
for capability in range(64):
    libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def get(path: str) -> tuple[int, str]:
    """What the agent answers over HTTP in the calling thread's network."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


class AgentProcess:
    """One agent, its folder with the configuration, and its log."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config" / "ip-masq-agent"
        self.config.parent.mkdir(exist_ok=True)
        self.state = folder / "state"
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self._position = 0

    def start(
        self,
        *arguments: str,
        module: str = "wayhome.agent",
        wrapper: Sequence[str] = (),
        launcher: Sequence[str] = (),
    ) -> None:
        """`wrapper`: a script that becomes the module. `launcher`: a command that becomes the interpreter."""
        command = [*launcher, sys.executable, *wrapper, "-m", *module.split()]
        command += [
            f"--config={self.config}",
            f"--state={self.state}",
            "--log-format=json",
            *arguments,
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log)

    def lines(self) -> list[dict[str, Any]]:
        text = self.log.read_text() if self.log.exists() else ""
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def wait_for(self, event: str, **fields: Any) -> dict[str, Any]:
        """The next line of an event, after those that were waited for before."""

        def found() -> dict[str, Any] | None:
            for index, line in enumerate(self.lines()):
                matches = all(line.get(name) == value for name, value in fields.items())
                if index >= self._position and line["event"] == event and matches:
                    self._position = index + 1
                    return line
            return None

        line: dict[str, Any] = wait_until(
            found,
            lambda: f"{event} {fields} after line {self._position} of:\n{self.log.read_text()}",
        )
        return line

    def write(self, text: str | bytes) -> None:
        """Replace the file by renaming another one over it."""
        new = self.config.parent / ".new"
        new.write_bytes(text if isinstance(text, bytes) else text.encode())
        new.rename(self.config)

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(TIMEOUT)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def wait_until(
    condition: Callable[[], Any], what: Callable[[], str], timeout: float = TIMEOUT
) -> Any:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"waited {timeout:g} s for {what()}")


def nft(script: str) -> None:
    subprocess.run(["nft", "-f", "-"], input=script, text=True, check=True)


def kept() -> set[str] | None:
    """The ranges that the kernel keeps now, as nft shows them; None where there is no table."""
    done = subprocess.run(
        ["nft", "-j", "list", "set", "inet", "wayhome", "keep4"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return None
    (held,) = [item["set"] for item in json.loads(done.stdout)["nftables"] if "set" in item]
    return {_range(element) for element in held.get("elem", [])} - {"169.254.0.0/16"}


def _range(element: Any) -> str:
    if "elem" in element:  # as nft shows an element with a counter
        element = element["elem"]["val"]
    if isinstance(element, str):
        return element
    if "range" in element:
        return "-".join(element["range"])
    return f"{element['prefix']['addr']}/{element['prefix']['len']}"


def wait_for_kept(*ranges: str) -> None:
    wait_until(lambda: kept() == set(ranges), lambda: f"{ranges}, the kernel keeps {kept()}")


def rules() -> str:
    done = subprocess.run(
        ["nft", "list", "table", "inet", "wayhome"], capture_output=True, text=True, check=True
    )
    return done.stdout


def saved(variant: str) -> list[str]:
    done = subprocess.run(
        [f"{variant}-save", "-t", "nat"], capture_output=True, text=True, check=True
    )
    return [line for line in done.stdout.splitlines() if line.startswith("-A")]
