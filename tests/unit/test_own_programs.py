"""What the exit codes and words of curl, wget, nc and ping mean; the words are those of real programs."""

import pytest

from wayhome.cluster.own_programs import programs
from wayhome.cluster.probe_attempt import Outcome
from wayhome.kube.exec import Completed
from wayhome.probe.observation import Protocol
from wayhome.probe.target import Target

TARGET = Target("10.2.0.1", 80)
R, A, F, X = Outcome.REACHED, Outcome.ANSWERED, Outcome.FAILED, Outcome.IMPOSSIBLE


@pytest.mark.parametrize(
    ("name", "code", "printed", "outcome", "detail"),
    [
        ("curl", 0, ("200", ""), R, "HTTP 200"),
        ("curl", 0, ("404", ""), R, "HTTP 404"),
        ("curl", 28, ("000", "curl: (28) Connection timed out after 3001 milliseconds"), F, "curl: (28) Connection timed out after 3001 milliseconds"),
        ("curl", 7, ("000", "curl: (7) Failed to connect to 10.2.0.1 port 80 after 0 ms: Connection refused"), A, None),
        ("curl", 7, ("000", "curl: (7) Failed to connect to 10.2.0.1 port 80: No route to host"), F, None),
        ("curl", 52, ("000", "curl: (52) Empty reply from server"), A, None),
        ("curl", 1, ("000", "curl: (1) Received HTTP/0.9 when not allowed"), A, None),
        ("wget", 0, ("", ""), R, "HTTP 200"),
        ("wget", 1, ("", "wget: server returned error: HTTP/1.1 404 Not Found"), R, "HTTP 404"),
        ("wget", 8, ("", "2026-11-24 10:00:00 ERROR 503: Service Unavailable."), R, "HTTP 503"),
        ("wget", 1, ("", "wget: download timed out"), F, "wget: download timed out"),
        ("wget", 1, ("", "wget: can't connect to remote host (10.2.0.1): Connection refused"), A, None),
        ("wget", 4, ("", ""), F, "no answer (it ended with 4)"),
        ("nc", 0, ("", ""), R, "connected"),
        ("nc", 1, ("", ""), F, "no answer (it ended with 1)"),
        ("nc", 1, ("", "nc: 10.2.0.1 (10.2.0.1:80): Connection refused"), A, None),
        ("python3", 1, ("", "Traceback …\nTimeoutError: timed out"), F, "TimeoutError: timed out"),
        ("python3", 1, ("", "ConnectionRefusedError: [Errno 111] Connection refused"), A, None),
        ("ping", 0, ("64 bytes from 10.2.0.1: seq=0 ttl=62 time=0.9 ms", ""), R, "a reply"),
        ("ping", 1, ("1 packets transmitted, 0 packets received, 100% packet loss", ""), F, "no reply"),
        ("ping", 1, ("", "ping: permission denied (are you root?)"), X, None),
        ("ping", 2, ("", "ping: socktype: SOCK_RAW\nping: socket: Operation not permitted"), X, None),
        ("ping", 2, ("", "ping: bad address 'nobody'\x1b[2J"), F, r"ping: bad address 'nobody'\x1b[2J"),
    ],
)  # fmt: skip
def test_what_it_means(
    name: str, code: int, printed: tuple[str, str], outcome: Outcome, detail: str | None
) -> None:
    out, err = printed
    known = [p for protocol in Protocol for p in programs(protocol, TARGET, 3)]
    (program,) = [p for p in known if p.name == name]
    found = program.read(Completed(code, out.encode(), err.encode(), truncated=False))
    assert found == (outcome, detail or err.splitlines()[-1])


def test_no_target_is_an_option() -> None:
    """A host may not begin with a dash, and no shell reads it."""
    for protocol in Protocol:
        for program in programs(protocol, Target("fd00::1", 80), 3):
            assert any(each in ("fd00::1", "http://[fd00::1]:80/health") for each in program.arguments)  # fmt: skip
