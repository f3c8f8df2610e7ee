"""Ctrl-C where Python would drop it."""

import subprocess
import sys

import pytest

DROPPED = """
import signal, time, weakref
from wayhome.cli import dropped_interrupts
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
{deliver}
class Some: pass
def interrupted(_): signal.raise_signal(signal.SIGINT)
some = Some()
reference = weakref.ref(some, interrupted)
try:
    del some
    time.sleep(0.5)
    print("went on")
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize(
    ("deliver", "said"),
    [("", "went on"), ("dropped_interrupts.deliver_again()", "interrupted")],
)
def test_an_interrupt_in_a_callback_comes_again(deliver: str, said: str) -> None:
    done = _run(DROPPED.format(deliver=deliver))
    assert done.stdout == f"{said}\n"
    assert ("Exception ignored" in done.stderr) is (said == "went on")


def test_other_exceptions_there_are_printed_as_ever() -> None:
    done = _run(DROPPED.format(deliver="dropped_interrupts.deliver_again()").replace(
        "signal.raise_signal(signal.SIGINT)", "1 / 0"
    ))  # fmt: skip
    assert done.stdout == "went on\n"
    assert "ZeroDivisionError" in done.stderr


def _run(program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
