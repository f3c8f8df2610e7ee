"""Network namespaces, held by file descriptors.

A process first leaves the host with `enter()`: as an ordinary user it gets a user namespace of its own, in which
it is root, and with it a network, a mount (`mounts`) and a PID namespace (`processes`); real root needs no user
namespace and keeps the rights that only real root has (large netlink messages). After that
`NetworkNamespace.create()` makes as many networks as are wanted. They have no names and no files: a namespace ends
when its last descriptor, socket and process ends, and all processes end with the first one. So there is nothing to
clean up, also after SIGKILL.

A user namespace can be entered only while the process has one thread, so `enter()` comes before any thread.

What refuses: containers (seccomp), sysctls, and AppArmor since Ubuntu 24.04. The last lets `unshare` succeed and
refuses the first privileged call after it, so success is believed only after such a call.

Source: user_namespaces(7), network_namespaces(7), setns(2); the AppArmor restriction: Ubuntu 24.04 release notes.
"""

import errno
import fcntl
import os
import shlex
import shutil
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from wayhome.lab import mounts, processes
from wayhome.lab.syscalls import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    setns,
    unshare,
)

SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1
CONTAINER_OPTIONS = (
    "--cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined "
    "--security-opt apparmor=unconfined"
)
"""With them, docker and podman start a container that has namespaces."""


class NamespaceRefusedError(Exception):
    """This machine does not let us have namespaces.

    `reason` says which setting or sandbox refuses; `command` is the one command that works instead, which starts another
    container where this is one (`in_container`).
    """

    def __init__(self, reason: str, command: str, *, in_container: bool = False) -> None:
        super().__init__(f"{reason}\n{command}")
        self.reason = reason
        self.command = command
        self.in_container = in_container


def enter(*, in_background: bool = False) -> int:
    """Leave the host: new network, mount and PID namespaces, and a user namespace where it takes one.

    Returns with loopback up, in a process that the calling one stands for until its end: when it ends, all that it
    started ends. With `in_background` the calling process ends at once, and the one that goes on is the first process
    of its PID namespace. Returns the number that it has outside. Raises NamespaceRefusedError, whose text says what
    refuses and what works instead.
    """
    _unshare()
    if in_background:
        processes.continue_in_background()
    else:
        processes.continue_in_child()  # the first process of the namespace
        processes.continue_in_child()
    number = int(Path("/proc/self").readlink().name)
    with suppress(
        OSError
    ):  # in some containers: there /proc goes on showing all processes, with other numbers
        mounts.show_own_processes()
    return number


def _unshare() -> None:
    if sys.platform != "linux":
        raise NamespaceRefusedError(
            f"network namespaces are Linux's, and this is {sys.platform}",
            _container_command(),
            in_container=True,
        )
    user, group = os.geteuid(), os.getegid()
    try:
        if user != 0 or not _unshare_as_root():
            unshare(CLONE_NEWUSER)
            _map_to_root(user, group)
            unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID)
        _settle()
    except OSError as error:
        raise _refused(error, user) from error


def _unshare_as_root() -> bool:
    """Whether it was granted: in a container root may lack the right, and a user namespace may give it."""
    with suppress(PermissionError):
        unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID)
        return True
    return False


def _map_to_root(user: int, group: int) -> None:
    """Be root in the new user namespace; its root is this user outside (user_namespaces(7))."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def _settle() -> None:
    """Make the first privileged calls: ones that a half-granted namespace refuses."""
    mounts.keep_from_host()
    bring_loopback_up()


def bring_loopback_up() -> None:
    """Set `lo` up in the calling thread's network namespace (netdevice(7)). Needs CAP_NET_ADMIN."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        request = struct.pack("16sh22x", b"lo", 0)
        answer = fcntl.ioctl(channel, SIOCGIFFLAGS, request)
        flags = struct.unpack_from("h", answer, 16)[0]
        fcntl.ioctl(channel, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))


def _refused(error: OSError, user: int) -> NamespaceRefusedError:
    """Say what refuses, from what this machine shows. `user` asked: by now this may be root of a new namespace."""
    said = f"this machine refuses network namespaces ({error.strerror or error})"
    if error.errno == errno.ENOSPC or _sysctl("user/max_user_namespaces") == "0":
        limits = "user.max_user_namespaces=10000 user.max_net_namespaces=10000 user.max_pid_namespaces=10000"
        return NamespaceRefusedError(
            f"{said}: user.max_user_namespaces, user.max_net_namespaces or user.max_pid_namespaces is used up or 0",
            _as_root(f"sysctl -w {limits}", user) + f" && {own_command()}",
        )
    if _in_container():
        return NamespaceRefusedError(
            f"{said}: the container that this runs in does not allow them",
            _container_command(),
            in_container=True,
        )
    if _sysctl("kernel/apparmor_restrict_unprivileged_userns") == "1":
        reason = f"{said}: AppArmor lets a user make them and then takes their rights away (kernel.apparmor_restrict_unprivileged_userns=1, the default since Ubuntu 24.04)"
    elif _sysctl("kernel/unprivileged_userns_clone") == "0":
        reason = f"{said}: kernel.unprivileged_userns_clone is 0"
    elif _in_chroot():
        reason = f"{said}: the kernel makes no user namespaces in a chroot"
    else:
        reason = said
    if user == 0:
        return NamespaceRefusedError(
            f"{reason}; root without CAP_SYS_ADMIN is most likely inside a container",
            _container_command(),
            in_container=True,
        )
    return NamespaceRefusedError(reason, _as_root(own_command(), user))


def _as_root(command: str, user: int) -> str:
    """Debian installs sudo only where root has no password; su asks for that."""
    if user == 0:
        return command
    return f"sudo {command}" if shutil.which("sudo") else f"su -c {shlex.quote(command)}"


def _sysctl(name: str) -> str | None:
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return None


def _in_chroot() -> bool:
    """Whether `/` is no mount: then it is a folder that this process was confined to."""
    with suppress(OSError):
        mounted = Path("/proc/self/mountinfo").read_text().splitlines()
        return all(line.split()[4] != "/" for line in mounted)
    return False


def _in_container() -> bool:
    return (
        Path("/.dockerenv").exists()
        or Path("/run/.containerenv").exists()
        or "container" in os.environ
        or "KUBERNETES_SERVICE_HOST" in os.environ
    )


def own_command() -> str:
    """How this program was called: a script of the project names itself in WAYHOME_COMMAND."""
    return os.environ.get("WAYHOME_COMMAND") or shlex.join([sys.executable, *sys.orig_argv[1:]])


def _container_command() -> str:
    """Run on the container's host. In the new container only the project's scripts can be counted on."""
    command = own_command()
    if not command.startswith("scripts/"):
        command = "scripts/demo"
    return f'docker run --rm -it {CONTAINER_OPTIONS} -v "$PWD:/wayhome" -w /wayhome debian:12 {command}'


class NetworkNamespace:
    """One network, alive while this object's descriptor, a socket or a process holds it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def create(cls) -> Self:
        """Make a new network with loopback up. The calling thread stays where it is. Raises OSError."""
        with _returning():
            unshare(CLONE_NEWNET)
            bring_loopback_up()
            return cls(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    @classmethod
    def current(cls) -> Self:
        """The network of the calling thread."""
        return cls(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is in this network within the block: sockets and programs made there stay in it."""
        with _returning():
            setns(self.descriptor, CLONE_NEWNET)
            yield

    def close(self) -> None:
        """Let go of the network."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _returning() -> Iterator[None]:
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        try:
            setns(home, CLONE_NEWNET)
        finally:
            os.close(home)
