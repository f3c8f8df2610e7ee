"""Running `nft -f -`: one script, one transaction.

The script is handed over as a file in memory and not through a pipe. If this process is killed while it writes into
a pipe, nft reads what came so far and may well apply it: half a table. A file in memory is whole before nft starts.

nft may hang (a namespace's other writers, a node under pressure), so it is given a time-out. What it prints is read
up to a bound, because it repeats the lines that it does not like.
"""

import errno
import os
import select
import shutil
import signal
import subprocess
import time

from wayhome.kernel.backend import KernelError, RefusedError

TIMEOUT = 30.0
"""Seconds. 10,000 entries take 0.15 s on an idle machine; a restore of 50,000 rules by others is waited for."""
OUTPUT_LIMIT = 4096
_ADMIN_FOLDERS = "/usr/sbin:/sbin"
"""Where distributions keep nft, and where an ordinary user's PATH does not lead."""


def run(script: str, *, timeout: float = TIMEOUT) -> None:
    """Apply a script as one transaction. Raises RefusedError if it was refused, KernelError if nft does not work."""
    program = shutil.which("nft", path=f"{os.environ.get('PATH', os.defpath)}:{_ADMIN_FOLDERS}")
    if program is None:
        raise KernelError("nft is not installed: install the package nftables (nft 1.0.1 or newer)")
    script_file = os.memfd_create("nft-script")
    try:
        with open(script_file, "wb", closefd=False) as writer:
            writer.write(script.encode())
        os.lseek(script_file, 0, os.SEEK_SET)
        status, said = _run(program, script_file, timeout)
    except OSError as error:
        raise KernelError(f"nft could not be run: {program}: {error.strerror}") from error
    finally:
        os.close(script_file)
    if status < 0:
        raise KernelError(f"nft was killed by {signal.Signals(-status).name}{_after_colon(said)}")
    if status > 0:
        raise RefusedError(f"nft refused the rules{_after_colon(_explained(said))}")


def _run(program: str, script: int, timeout: float) -> tuple[int, str]:
    """Its exit status (negative: the signal that killed it), and the beginning of what it said."""
    deadline = time.monotonic() + timeout
    with subprocess.Popen(
        [program, "-f", "-"],
        stdin=script,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C"},
    ) as child:
        try:
            said = _read(child.stderr.fileno() if child.stderr else -1, deadline)
            status = child.wait(max(0.0, deadline - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired):
            child.kill()
            raise KernelError(
                f"nft did not end within {timeout:g} s and was killed; whether the rules were applied shows "
                "when they are read back"
            ) from None
    return status, said.decode(errors="replace").strip()


def _read(pipe: int, deadline: float) -> bytes:
    """Read a pipe to its end and keep the beginning. Raises TimeoutError."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    kept = b""
    while True:
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError
        some = os.read(pipe, 1 << 16)
        if not some:
            return kept
        kept += some[: OUTPUT_LIMIT - len(kept)]


def _explained(said: str) -> str:
    """The cause, where nft's own words do not name it."""
    if os.strerror(errno.EMSGSIZE) in said:
        return (
            f"{said.splitlines()[0]}: nft sends all of it in one netlink message, and without root of the initial "
            "user namespace that holds 2,000 to 3,000 elements (net.core.wmem_default); run it as root, or list less"
        )
    if os.strerror(errno.EPERM) in said:
        return f"{said.splitlines()[0]}: changing nftables needs CAP_NET_ADMIN in this network namespace"
    return said


def _after_colon(said: str) -> str:
    return f": {said}" if said else ""
