"""Running somebody's program for what it prints: with a time-out, a bound on the output, and errors that name it."""

import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from wayhome.kernel.backend import KernelError

TIMEOUT = 60.0
"""Seconds. A node with 50,000 Services' rules takes a few; the xtables lock may be held for some more."""
OUTPUT_LIMIT = 128 << 20
"""Bytes. 50,000 iptables rules are 12 MB of iptables-save."""
_SAID_LIMIT = 4096
_ADMIN_FOLDERS = "/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that came to its end: its exit status, all that it printed, and the beginning of what it complained of."""

    status: int
    printed: str
    said: str


def find(name: str) -> str | None:
    """A program's path; also from where an ordinary user's PATH does not lead."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_ADMIN_FOLDERS}")


def run(argv: Sequence[str], stdin: str = "", *, timeout: float = TIMEOUT) -> Ended:
    """Run a program to its end. Raises KernelError where it cannot be run, hangs, is killed or prints without end."""
    name = os.path.basename(argv[0])  # noqa: PTH119 (argv[0] is a word for people here)
    # A file in memory and not a pipe: the program reads all of it, also if this process is killed meanwhile.
    script = os.memfd_create("stdin")
    try:
        with open(script, "wb", closefd=False) as writer:
            writer.write(stdin.encode(errors="surrogateescape"))
        os.lseek(script, 0, os.SEEK_SET)
        with subprocess.Popen(
            argv,
            stdin=script,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
        ) as child:
            try:
                printed, said = _read(child, time.monotonic() + timeout)
                status = child.wait(timeout)
            except (TimeoutError, subprocess.TimeoutExpired):
                child.kill()
                raise KernelError(
                    f"{name} did not end within {timeout:g} s and was killed"
                ) from None
            except OverflowError:
                child.kill()
                raise KernelError(f"{name} printed more than {OUTPUT_LIMIT >> 20} MiB and was killed") from None  # fmt: skip
    except OSError as error:
        raise KernelError(f"{name} could not be run: {argv[0]}: {error.strerror}") from error
    finally:
        os.close(script)
    ended = Ended(status, _text(printed), _text(said).strip())
    if status < 0:
        raise KernelError(f"{name} was killed by {signal.Signals(-status).name}: {ended.said}")
    return ended


def _text(data: bytes) -> str:
    """A rule's comment is any bytes, and is given back to iptables as it came."""
    return data.decode(errors="surrogateescape")


def _read(child: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes]:
    """Read both outputs to their ends. Raises TimeoutError, OverflowError."""
    printed, said = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for pipe, kept in ((child.stdout, printed), (child.stderr, said)):
            assert pipe is not None  # noqa: S101 (asked for above)
            selector.register(pipe, selectors.EVENT_READ, kept)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                some = os.read(key.fd, 1 << 16)
                if not some:
                    selector.unregister(key.fileobj)
                elif key.data is printed:
                    printed += some
                else:
                    said += some[: _SAID_LIMIT - len(said)]
            if len(printed) > OUTPUT_LIMIT:
                raise OverflowError
    return bytes(printed), bytes(said)
