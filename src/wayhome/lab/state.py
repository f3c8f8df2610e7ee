"""Which lab is up: a folder of the user's, a lock that its keeper holds, and a file that says how to reach it.

The keeper holds the lock as long as it lives, and the kernel lets go of it however the keeper ends. So the lock and
not the file tells whether a lab is up: a file without a held lock is what a killed keeper left, and is removed. Each
user has one lab at a time, in a folder that nobody else can write: commands believe the file, and signal the process
that it names.
"""

import fcntl
import json
import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wayhome.lab import files

TEMPORARY = Path("/tmp")  # noqa: S108 (what is made in it is checked)


class LabError(Exception):
    """Something that the user can mend; the text says how."""


class NoLabError(LabError):
    """No lab is up."""


@dataclass(frozen=True, slots=True)
class KeptNode:
    """A node: the keeper's descriptor of its network, what else than by its full name it is called, its addresses."""

    network: int
    names: Sequence[str]
    addresses: Sequence[str]


@dataclass(frozen=True, slots=True)
class KeptAgent:
    """An agent that runs: the folder of its ConfigMap volume, the keys that this shows (None: all), and its log."""

    volume: str
    items: Mapping[str, str] | None
    log: str


@dataclass(frozen=True, slots=True)
class LabState:
    """A lab that is up. `title` is what people call it, and `remarks` are what whoever uses it should know.

    `keeper` is the keeper's number among the processes outside, and `lock` its descriptor of the lock. `nodes` and
    `agents` are by the nodes' full names.
    """

    title: str
    keeper: int
    lock: int
    remarks: Sequence[str]
    nodes: Mapping[str, KeptNode]
    agents: Mapping[str, KeptAgent]


def lab_folder(temporary: Path = TEMPORARY) -> Path:
    """The folder of this user's lab, made if need be. Raises LabError."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    # After `su` the variable may still name another user's folder.
    named = Path(runtime)
    base = named if named.is_absolute() and _is_ours(named) else _private(temporary)
    folder = base / "wayhome" / "lab"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (_is_ours(folder.parent) and _is_ours(folder)):
        raise LabError(f"{folder} is not a folder that only you write to; remove it")
    return folder


def _private(temporary: Path) -> Path:
    """A folder of this user's in one that everybody writes to."""
    folder = temporary / f"wayhome-{user_outside()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_ours(folder) or stat.S_IMODE(folder.lstat().st_mode) != 0o700:
        raise LabError(
            f"{folder} is not a folder that only you can use; remove it or set XDG_RUNTIME_DIR"
        )
    return folder


def user_outside() -> int:
    """This user's number; in a lab, where he is root, the one that he has outside of it (user_namespaces(7))."""
    user = os.geteuid()
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, outside, count = map(int, line.split())
        if first <= user < first + count:
            return outside + user - first
    return user


def _is_ours(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    writable_by_others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not writable_by_others


def explained(error: OSError) -> str:
    """What the system refused, without its number."""
    said = error.strerror or str(error)
    return f"{error.filename}: {said}" if error.filename else said


def take_lock(folder: Path) -> int | None:
    """The descriptor of the lock, or None where a keeper holds it. No program inherits it unless it is passed on."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def is_lock_of(folder: Path, lock: int | Path) -> bool:
    """Whether that descriptor, or a process's link to one, is the folder's lock still."""
    try:
        found, wanted = os.stat(lock), (folder / "lock").lstat()  # noqa: PTH116 (a descriptor too)
    except OSError:
        return False
    return os.path.samestat(found, wanted)


def write(folder: Path, state: LabState) -> None:
    """Say that the lab is up; whoever reads sees all of it or nothing."""
    new = folder / "state.json.new"
    files.write(new, json.dumps(asdict(state)).encode())
    new.rename(folder / "state.json")


def read(folder: Path) -> LabState:
    """The lab that is up. What a killed keeper left is removed. Raises NoLabError."""
    lock = take_lock(folder)
    if lock is not None:
        left = (folder / "state.json").exists()
        clear(folder)
        os.close(lock)
        gone = "; the last one's keeper was killed, and what it left is removed now" if left else ""
        raise NoLabError(f"no lab is up{gone}. `wayhome lab up the-case` starts one")
    try:
        return _from(json.loads((folder / "state.json").read_text()))
    except FileNotFoundError:
        raise NoLabError("a lab is being started or stopped; try again in a second") from None


def _from(content: dict[str, Any]) -> LabState:
    nodes = {name: KeptNode(**one) for name, one in content.pop("nodes").items()}
    agents = {name: KeptAgent(**one) for name, one in content.pop("agents").items()}
    return LabState(**content, nodes=nodes, agents=agents)


def clear(folder: Path) -> None:
    """Remove everything but the lock, which must be held."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()
