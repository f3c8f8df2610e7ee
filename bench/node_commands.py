"""Programs that change a node, run in the calling thread's network.

iptables-legacy takes a lock in a file, which is the same for all networks of a machine. So that nobody there waits for
the benchmark, nor it for them, LOCK_FILE names one of its own for the programs that inherit it.
"""

import subprocess

from bench.figure import LackError
from wayhome.lab.programs import environment

LOCK_FILE = "XTABLES_LOCKFILE"
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
            command, input=text, text=True, capture_output=True, check=False, env=environment()
        )
    except FileNotFoundError:
        raise LackError(f"{command[0]} is not installed") from None
