"""A lab that another process keeps up: start it, run something in it, configure it, end it.

A command joins a node by the keeper's own descriptors, through /proc: first the keeper's user namespace, in which
the user is root, then the node's network and the lab's processes and mounts. Nothing has to be asked of the keeper
for it, and there is no protocol. What has joined ends with the lab (`processes`).

The keeper is signalled and waited for by a descriptor of its process (pidfd_open(2)), which never means another one.
"""

import json
import os
import pickle
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wayhome.lab import processes, state
from wayhome.lab.namespaces import NamespaceRefusedError, own_command
from wayhome.lab.node_names import NodeNames
from wayhome.lab.programs import ProgramError
from wayhome.lab.state import KeptAgent, LabError, LabState, NoLabError
from wayhome.lab.syscalls import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, setns
from wayhome.lab.volume import ConfigMapVolume

if TYPE_CHECKING:  # what a plan is made of takes longer to import than to ask in a lab
    from wayhome.lab.plan import Plan

START_SECONDS = 120.0
END_SECONDS = 10.0


def up(prepare: "Callable[[Path], Plan]") -> LabState:
    """Start a keeper and wait until the lab is up. Raises LabError, NamespaceRefusedError, ProgramError.

    `prepare` gets the lab's folder, which is empty then.
    """
    folder = state.lab_folder()
    lock = state.take_lock(folder)
    if lock is None:
        raise LabError(
            f"{state.read(folder).title} is up already; `wayhome lab down` ends it, `wayhome lab status` shows it"
        )
    try:
        state.clear(folder)
        plan = pickle.dumps(prepare(folder), pickle.HIGHEST_PROTOCOL)
        with (folder / "keeper.log").open("wb") as log:
            keeper = subprocess.Popen(
                (sys.executable, "-m", "wayhome.lab.keeper", folder, str(lock)),
                stdin=subprocess.PIPE,
                # Where namespaces are refused, what works instead is this command and not the keeper's.
                env={**os.environ, "WAYHOME_COMMAND": own_command()},
                stdout=subprocess.PIPE,
                bufsize=0,  # so that `select` knows of every line
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,
            )
        answer = _answer(keeper, plan)
    except KeyboardInterrupt:
        state.clear(folder)
        raise
    finally:
        os.close(lock)
    if "refused" in answer:
        raise NamespaceRefusedError(answer["refused"], answer["command"])
    if "error" in answer:
        raise ProgramError(f"the lab did not start: {answer['error']}")
    if answer.get("dead"):
        said = (folder / "keeper.log").read_text(errors="replace").strip()
        raise ProgramError(f"the lab did not start; its keeper said:\n{said}")
    return state.read(folder)


def _answer(starting: "subprocess.Popen[bytes]", plan: bytes) -> dict[str, str]:
    """What the keeper says in the end; before that, it is told what to build, and says which process it is."""
    assert starting.stdin is not None  # noqa: S101 (pipes were asked for)
    assert starting.stdout is not None  # noqa: S101
    keeper = 0
    try:
        with suppress(BrokenPipeError), starting.stdin as told:
            told.write(plan)  # where it has ended, it says nothing below
        with starting.stdout as pipe:
            while select.select([pipe], [], [], START_SECONDS)[0] and (line := pipe.readline()):
                answer = json.loads(line)
                if "keeper" not in answer:
                    starting.wait()
                    return dict(answer)
                keeper = answer["keeper"]
    except KeyboardInterrupt:
        _kill(starting, keeper)
        raise
    _kill(starting, keeper)
    return {"dead": "yes"}


def _kill(starting: "subprocess.Popen[bytes]", keeper: int) -> None:
    """End a keeper that is starting. One that has not said yet who it is ends when it wants to: nobody listens."""
    if keeper:
        with suppress(ProcessLookupError):
            os.kill(keeper, signal.SIGKILL)
    starting.kill()
    starting.wait()


def current() -> LabState:
    """The lab that is up. Raises NoLabError."""
    return state.read(state.lab_folder())


def names(lab: LabState) -> NodeNames:
    """What its nodes are called."""
    return NodeNames({full: tuple(node.names) for full, node in lab.nodes.items()})


def join(lab: LabState, node: str) -> None:
    """Return in a child of this process, which has one thread, in a node's network and among the lab's processes.

    `node` is any of its names. This process stands for the child until its end, and ends as it ends. Raises LabError,
    NodeNameError.
    """
    full = names(lab).find(node)
    keeper = Path("/proc", str(lab.keeper))
    wanted = (
        (keeper / "ns/user", CLONE_NEWUSER),
        (_descriptor(lab.keeper, lab.nodes[full].network), CLONE_NEWNET),
        (keeper / "ns/pid_for_children", CLONE_NEWPID),
        (keeper / "ns/mnt", CLONE_NEWNS),
    )
    try:
        os.close(_keeper(lab))
        here = Path.cwd()
        # All are opened before any is joined: afterwards this process might not be allowed to.
        root = os.open(keeper / "root", os.O_PATH | os.O_CLOEXEC)
        opened = [(os.open(path, os.O_RDONLY | os.O_CLOEXEC), kind) for path, kind in wanted]
        mine = Path("/proc/self/ns/user").stat()
        for descriptor, kind in opened:
            # Joining the user namespace that one is in is refused: root's lab has none of its own.
            if kind != CLONE_NEWUSER or not os.path.samestat(os.fstat(descriptor), mine):
                setns(descriptor, kind)
            os.close(descriptor)
        # Joining mounts leads to their root: for a lab in a chroot that is outside of it.
        os.fchdir(root)
        os.chroot(".")
        os.close(root)
    except OSError as error:
        raise LabError(f"cannot join {node}: {error.strerror or error}") from error
    with suppress(OSError):  # a folder that the lab does not see: then `/`
        os.chdir(here)
    processes.continue_in_child()


def _keeper(lab: LabState) -> int:
    """A descriptor of the keeper's process. Raises LabError."""
    try:
        keeper = os.pidfd_open(lab.keeper)
    except OSError:  # nobody's number, or a thread's
        keeper = -1
    # Only the keeper has the lock open. Another one may have its number where other processes are seen: in the lab.
    if keeper >= 0 and state.is_lock_of(state.lab_folder(), _descriptor(lab.keeper, lab.lock)):
        return keeper
    if keeper >= 0:
        os.close(keeper)
    raise LabError(
        f"the lab's keeper, process {lab.keeper}, is not seen from here; run this outside the lab"
    )


def _descriptor(process: int, number: int) -> Path:
    return Path("/proc", str(process), "fd", str(number))


def agents(lab: LabState, nodes: Sequence[str]) -> list[KeptAgent]:
    """Those on the nodes with these names, or all without any. Raises LabError, NodeNameError."""
    if not lab.agents:
        raise LabError(f"no agent runs in {lab.title}: nobody reads a ConfigMap there")
    called = names(lab)
    wanted = [called.find(node) for node in nodes] or list(lab.agents)
    for node in wanted:
        if node not in lab.agents:
            there = ", ".join(map(called.short, lab.agents))
            raise LabError(f"no agent runs on {called.short(node)}; agents run on: {there}")
    return [lab.agents[node] for node in dict.fromkeys(wanted)]


def configure(agents: Iterable[KeptAgent], configmap: Mapping[str, bytes] | None) -> bool:
    """Show a ConfigMap's data in the agents' volumes. Returns whether that changed any."""
    changed = [
        ConfigMapVolume(Path(one.volume), one.items).project(configmap or {}) for one in agents
    ]
    return any(changed)


def down() -> LabState:
    """End the lab that is up, and wait for the end of all that runs in it. Raises LabError."""
    folder = state.lab_folder()
    lab = state.read(folder)
    keeper = _keeper(lab)
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(keeper, number)
            if select.select([keeper], [], [], END_SECONDS)[0]:
                break
    finally:
        os.close(keeper)
    # A killed keeper lets go of the lock at once. It may stay in the list of processes for as long as somebody does
    # not collect what he had brought in: that does not run any more either.
    try:
        still = state.read(folder)  # removes what a killed keeper left
    except NoLabError:
        return lab
    if still == lab:
        raise LabError(f"the keeper, process {lab.keeper}, does not end")
    return lab
