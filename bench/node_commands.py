"""Programs that change a node, run in the calling thread's network.

iptables-legacy takes a lock in a file, which is the same for all networks of a machine; ours is a file of our own.
"""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.figure import LackError
from wayhome.lab.programs import environment

VARIANTS = ("iptables-legacy", "iptables-nft")


def run(*command: str, text: str = "") -> None:
    """Run a program to its end. Raises LackError if that is missing or refuses."""
    done = attempt(*command, text=text)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["and said nothing"]
        raise LackError(f"{' '.join(command[:3])} ended with {done.returncode}: {said[0][:200]}")


def attempt(*command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """The same where failing is an answer."""
    try:
        return subprocess.run(
            command, input=text, text=True, capture_output=True, check=False, env=surroundings()
        )
    except FileNotFoundError:
        raise LackError(f"{command[0]} is not installed") from None


def surroundings() -> Mapping[str, str]:
    """The environment of programs on a node."""
    lock = Path(tempfile.gettempdir(), f"wayhome-bench-{os.getpid()}.lock")
    return {**environment(), "XTABLES_LOCKFILE": os.fspath(lock)}
