"""The mounts of a process that has left the host: seen by it and its children only, and gone with the last of them.

What is mounted here never reaches the host, while what the host mounts and takes away is followed (MS_SLAVE,
mount_namespaces(7)): a folder that the host unmounts does not live on in a lab.

In a chroot `/` is no mount, and so it cannot be told this. Joining the mount namespace that one is in already leads
out of the chroot to the namespace's own root (setns(2)), where it can; afterwards the process goes back.
"""

import errno
import os
from pathlib import Path

from wayhome.lab.syscalls import (
    CLONE_NEWNS,
    MS_BIND,
    MS_REC,
    MS_REMOUNT,
    MS_SLAVE,
    mount,
    setns,
)

# A place that every installation has and that nothing needs: a temporary folder would stay when a run is killed.
MOUNTPOINT = Path(__file__).with_name("mountpoint")


def keep_from_host() -> None:
    """Nothing that is mounted from now on reaches the host. Raises OSError."""
    try:
        mount(b"none", b"/", None, MS_REC | MS_SLAVE)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        _keep_from_host_in_chroot()


def _keep_from_host_in_chroot() -> None:
    here, root = os.open(".", os.O_PATH), os.open("/", os.O_PATH)
    mine = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    setns(mine, CLONE_NEWNS)
    try:
        mount(b"none", b"/", None, MS_REC | MS_SLAVE)
    finally:
        os.fchdir(root)
        os.chroot(".")
        os.fchdir(here)
        for descriptor in (here, root, mine):
            os.close(descriptor)


def show_own_processes() -> None:
    """Let /proc show this process's PID namespace, so that a process finds itself there by its own number.

    Raises OSError: the kernel refuses an ordinary user where something in /proc is covered, as containers do.
    """
    mount(b"proc", b"/proc", b"proc", 0)


def remount_sysctls_writable() -> None:
    """Container runtimes mount /proc/sys read-only; in the mount namespace of our own it need not stay so."""
    mount(None, b"/proc/sys", None, MS_REMOUNT | MS_BIND)


def private_folder() -> Path:
    """An empty folder in memory that only this process and its children see. Nothing of it is ever left behind."""
    mount(b"wayhome", os.fsencode(MOUNTPOINT), b"tmpfs", 0, b"mode=0755")
    return MOUNTPOINT


def cover(folder: Path) -> None:
    """Put an empty folder in memory over one of the system's, for this process and its children."""
    mount(b"wayhome", os.fsencode(folder), b"tmpfs", 0, b"mode=0755")
