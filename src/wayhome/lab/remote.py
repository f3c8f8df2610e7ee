"""A lab that another process keeps up: start it, run something in it, configure it, end it.

A command joins a node by the keeper's own descriptors, through /proc: first the keeper's user namespace, in which
the user is root, then the node's network. Nothing has to be asked of the keeper for it, and there is no protocol.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from wayhome.lab import state
from wayhome.lab.cases import CASES
from wayhome.lab.namespaces import (
    CLONE_NEWNET,
    CLONE_NEWUSER,
    NamespaceRefusedError,
    own_command,
    setns,
)
from wayhome.lab.state import LabError, LabState
from wayhome.lab.topology import unknown_node

START_SECONDS = 60.0
END_SECONDS = 10.0


def up(case: str) -> LabState:
    """Start a keeper and wait until the lab is up. Raises LabError, NamespaceRefusedError."""
    folder = state.lab_folder()
    lock = state.take_lock(folder)
    if lock is None:
        raise LabError(
            f"{state.read(folder).case} is up already; `wayhome lab down` ends it, `wayhome lab status` shows it"
        )
    try:
        state.clear(folder)
        with (folder / "keeper.log").open("wb") as log:
            keeper = subprocess.Popen(
                (sys.executable, "-m", "wayhome.lab.keeper", case, folder, str(lock)),
                stdin=subprocess.DEVNULL,
                # Where namespaces are refused, what works instead is this command and not the keeper's.
                env={**os.environ, "WAYHOME_COMMAND": own_command()},
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,
            )
    finally:
        os.close(lock)
    answer = _answer(keeper)
    if "refused" in answer:
        raise NamespaceRefusedError(answer["refused"], answer["command"])
    if "error" in answer:
        raise LabError(f"the lab did not start: {answer['error']}")
    if answer.get("dead"):
        said = (folder / "keeper.log").read_text(errors="replace").strip()
        raise LabError(f"the lab did not start; its keeper said:\n{said}")
    return state.read(folder)


def _answer(keeper: "subprocess.Popen[bytes]") -> dict[str, str]:
    assert keeper.stdout is not None  # noqa: S101 (a pipe was asked for)
    with keeper.stdout as pipe:
        ready, _, _ = select.select([pipe], [], [], START_SECONDS)
        line = pipe.readline() if ready else b""
    if line:
        answer: dict[str, str] = json.loads(line)
        # It lives on after us, on purpose: subprocess need not warn of it.
        keeper.returncode = 0 if not answer else keeper.wait()
        return answer
    keeper.kill()
    keeper.wait()
    return {"dead": "yes"}


def current() -> LabState:
    """The lab that is up. Raises NoLabError."""
    return state.read(state.lab_folder())


def join(lab: LabState, node: str) -> None:
    """Move this process, which has one thread, into a node's network. Raises LabError."""
    if node not in lab.nodes:
        raise LabError(unknown_node(node, lab.nodes))
    keeper = Path("/proc", str(lab.keeper))
    try:
        user, mine = (keeper / "ns/user").stat(), Path("/proc/self/ns/user").stat()
        # Both are opened before either is joined: afterwards this process might not be allowed to.
        with (
            (keeper / "ns/user").open("rb") as user_namespace,
            (keeper / "fd" / str(lab.nodes[node])).open("rb") as network,
        ):
            if user.st_ino != mine.st_ino:
                setns(user_namespace.fileno(), CLONE_NEWUSER)
            setns(network.fileno(), CLONE_NEWNET)
    except OSError as error:
        raise LabError(f"cannot join {node}: {error.strerror or error}") from error


def configure(lab: LabState, configmap: Mapping[str, bytes] | None) -> bool:
    """Show a ConfigMap's data in the volumes of the lab's agents. Returns whether that changed any."""
    changed = [v.project(configmap or {}) for v in CASES[lab.case].volumes(state.lab_folder())]
    return any(changed)


def agent_log(lab: LabState, node: str) -> Path:
    """The file with a node's agent's log. Raises LabError."""
    if node not in CASES[lab.case].agents:
        agents = ", ".join(CASES[lab.case].agents)
        raise LabError(f"no agent runs on {node!r}; agents run on: {agents}")
    return state.lab_folder() / "logs" / f"{node}.agent.log"


def down() -> LabState:
    """End the lab that is up, and wait for its end. Raises NoLabError."""
    folder = state.lab_folder()
    lab = state.read(folder)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(lab.keeper, number)
        until = time.monotonic() + END_SECONDS
        while time.monotonic() < until:
            if (lock := state.take_lock(folder)) is not None:
                state.clear(folder)
                os.close(lock)
                return lab
            time.sleep(0.01)
    raise LabError(f"the keeper, process {lab.keeper}, does not end")
