"""Namespaces that are granted and worth nothing, with the real command as two users: what a sandbox or AppArmor does.

`unshare` succeeds and the next privileged call is refused, by a seccomp filter that the command starts under. (On
Ubuntu 24.04 it is AppArmor that refuses, and the first such call: that is tested beside `enter`.)
"""

import platform
import struct
from dataclasses import replace

import pytest
from tests.lab.conftest import WayhomeCommand

pytestmark = pytest.mark.kernel

# linux/filter.h, linux/seccomp.h: the number of the call, and the low half of its second argument.
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER, SECOND_ARGUMENT = 0, 24
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 1  # SECCOMP_RET_ERRNO | EPERM
SIOCSIFFLAGS = 0x8914
CALLS = {"x86_64": (165, 16), "aarch64": (40, 29)}  # mount, ioctl

UNDER_A_FILTER = """
import ctypes, sys
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]
code = bytes.fromhex({code!r})
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
assert libc.prctl(22, 2, ctypes.byref(Program(len(code) // 8, code))) == 0  # PR_SET_SECCOMP
from wayhome.lab import namespaces
namespaces._in_container = lambda: False
from wayhome.cli.main import wayhome
wayhome(["lab", *sys.argv[1:]])
"""


def instructions(refused: str) -> bytes:
    mount, ioctl = CALLS[platform.machine()]
    if refused == "mount":
        code = [(LOAD, 0, 0, NUMBER), (EQUAL, 0, 1, mount)]
    else:
        code = [
            (LOAD, 0, 0, NUMBER), (EQUAL, 0, 3, ioctl),
            (LOAD, 0, 0, SECOND_ARGUMENT), (EQUAL, 0, 1, SIOCSIFFLAGS),
        ]  # fmt: skip
    code += [(RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *one) for one in code)


@pytest.mark.skipif(platform.machine() not in CALLS, reason="system calls have other numbers here")
@pytest.mark.parametrize("command", [("run", "the-case"), ("run", "the-case", "--json")])
@pytest.mark.parametrize("refused", ["mount", "ioctl"])
def test_a_call_that_is_refused_later_ends_with_4_and_the_command_that_works(
    wayhome_command: WayhomeCommand, refused: str, command: tuple[str, ...]
) -> None:
    environment = {**wayhome_command.environment, "WAYHOME_COMMAND": "scripts/demo"}
    script = UNDER_A_FILTER.format(code=instructions(refused).hex())
    done = replace(wayhome_command, environment=environment)("-c", script, *command)
    assert done.returncode == 4
    assert "predicted, no kernel" in done.stdout
    reason, last = done.stderr.splitlines()
    assert "this machine refuses network namespaces" in reason
    assert "Operation not permitted" in reason
    if wayhome_command.user is None:  # to whom else than a container's root is this refused?
        assert last.startswith("docker run ")
    else:
        assert last in {"sudo scripts/demo", "su -c scripts/demo"}
