import os
import socket
import subprocess
import sys

import pytest

from wayhome.lab import namespaces
from wayhome.lab.namespaces import NetworkNamespace

pytestmark = pytest.mark.kernel


def interfaces() -> list[str]:
    return [name for _, name in socket.if_nameindex()]


def test_a_fresh_network_has_loopback_only(netns: NetworkNamespace) -> None:
    assert interfaces() == ["lo"]


def test_a_socket_stays_in_the_network_in_which_it_was_opened(netns: NetworkNamespace) -> None:
    with NetworkNamespace.create() as other:
        with other.entered():
            listener = socket.create_server(("127.0.0.1", 0))
        address = listener.getsockname()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        with other.entered(), socket.create_connection(address):
            listener.accept()[0].close()
        listener.close()


ENTER = """
import os, sys
from wayhome.lab import namespaces
namespaces.shutil.which = lambda name: "/usr/bin/sudo"
{sabotage}
try:
    namespaces.enter()
except namespaces.NamespaceRefusedError as refused:
    print(refused)
    sys.exit(4)
print("entered")
"""

# What AppArmor does on Ubuntu 24.04: the namespace is made, and its rights are worth nothing.
RIGHTS_TAKEN_AWAY = """
import ctypes
real = namespaces.unshare
def unshare(flags):
    real(flags)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None).capset(header, nothing) == 0
namespaces.unshare = unshare
namespaces._sysctl = {"kernel/apparmor_restrict_unprivileged_userns": "1"}.get
namespaces._in_container = lambda: False
"""


def run(sabotage: str = "", user: int | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "WAYHOME_COMMAND": "scripts/demo"}
    return subprocess.run(
        [sys.executable, "-c", ENTER.format(sabotage=sabotage)],
        capture_output=True, text=True, check=False, env=environment, user=user,
    )  # fmt: skip


def test_enter_works_here() -> None:
    done = run()
    assert (done.returncode, done.stdout) == (0, "entered\n"), done.stderr


def test_a_namespace_whose_rights_are_taken_away_is_refused_with_the_command_that_works() -> None:
    done = run("namespaces.os.geteuid = lambda: 1000\n" + RIGHTS_TAKEN_AWAY)
    assert done.returncode == 4, done.stderr
    lines = done.stdout.splitlines()
    assert "apparmor_restrict_unprivileged_userns" in lines[0]
    assert lines[-1] == "sudo scripts/demo"


# A user is root in the namespace that was granted, and asks for the next one there.
REFUSED_LATER = """
identities = iter([1000])
namespaces.os.geteuid = lambda: next(identities, 0)
namespaces._map_to_root = lambda user, group: None  # the mapping of a user that this process is not
real = namespaces.unshare
def unshare(flags):
    if flags & namespaces.CLONE_NEWNET:
        raise {error}
    real(flags)
namespaces.unshare = unshare
namespaces._in_container = lambda: False
"""


def test_an_ordinary_user_who_is_refused_later_is_still_an_ordinary_user() -> None:
    done = run(REFUSED_LATER.format(error='PermissionError(1, "Operation not permitted")'))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (4, "sudo scripts/demo"), (
        done.stdout + done.stderr
    )


def test_where_sudo_is_not_installed_su_is_named() -> None:
    """Debian's installer leaves sudo out where root was given a password."""
    error = 'PermissionError(1, "Operation not permitted")'
    no_sudo = "namespaces.shutil.which = lambda name: None\n"
    done = run(no_sudo + REFUSED_LATER.format(error=error))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (4, "su -c scripts/demo")
    done = run(no_sudo + REFUSED_LATER.format(error='OSError(28, "No space left on device")'))
    last = done.stdout.splitlines()[-1]
    assert last.startswith("su -c 'sysctl -w user.max_user_namespaces=10000 ")
    assert last.endswith("user.max_pid_namespaces=10000' && scripts/demo")


def test_a_limit_that_is_used_up_names_the_setting() -> None:
    done = run(REFUSED_LATER.format(error='OSError(28, "No space left on device")'))
    assert done.stdout.splitlines()[-1] == (
        "sudo sysctl -w user.max_user_namespaces=10000 user.max_net_namespaces=10000 "
        "user.max_pid_namespaces=10000 && scripts/demo"
    )


def test_in_a_container_the_last_line_starts_one_that_works() -> None:
    refuse = """
def refuse(flags):
    raise PermissionError(1, "Operation not permitted")
namespaces.unshare = refuse
namespaces._in_container = lambda: True
"""
    done = run(refuse)
    assert done.returncode == 4
    assert done.stdout.splitlines()[-1].startswith("docker run ")
    assert done.stdout.splitlines()[-1].endswith("scripts/demo")


def test_the_last_descriptor_ends_the_network() -> None:
    namespace = NetworkNamespace.create()
    inode = os.fstat(namespace.descriptor).st_ino
    namespace.close()
    namespace.close()  # twice is once
    assert inode
    assert namespaces.NetworkNamespace.current().descriptor >= 0
