"""The messages of `pods/exec` over a WebSocket: a first byte that says the channel, then its data. Pure.

The subprotocol v4 has five channels; v5 (Kubernetes 1.30) adds a message that closes one, which is how the end of
standard input reaches the program. In v4 it cannot be told: a program must know itself how much it is to read.

How the command ended comes as a Status on the channel of errors: `Success`, `NonZeroExitCode` with the code among its
causes, or a failure of the container runtime.

Source: package documentation of k8s.io/apimachinery/pkg/util/httpstream/wsstream and …/util/remotecommand; KEP 4006.
"""

import json
from collections.abc import Iterator

from wayhome.kube.errors import NonsenseError, refusal_of

V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
CLOSE = 255

PIECE = 32 * 1024
"""Bytes of standard input in one message."""


def stdin_messages(data: bytes, subprotocol: str) -> Iterator[bytes]:
    """Standard input as messages, and its end where that can be told."""
    for start in range(0, len(data), PIECE):
        yield bytes([STDIN]) + data[start : start + PIECE]
    if subprotocol == V5:
        yield bytes([CLOSE, STDIN])


def exit_code(status: bytes) -> int:
    """How the command ended. Raises RefusedError where it did not run, NonsenseError for what is no Status."""
    try:
        found = json.loads(status)
    except (ValueError, RecursionError) as error:
        raise NonsenseError("how the command ended is not said as JSON") from error
    if not isinstance(found, dict):
        raise NonsenseError("how the command ended is not said by a Status")
    if found.get("status") == "Success":
        return 0
    if found.get("reason") == "NonZeroExitCode":
        details = found.get("details")
        causes = details.get("causes") if isinstance(details, dict) else None
        for cause in causes if isinstance(causes, list) else ():
            if isinstance(cause, dict) and cause.get("reason") == "ExitCode":
                said = str(cause.get("message"))
                if said.isascii() and said.isdigit() and len(said) < 4:
                    return int(said)
        raise NonsenseError("the command failed, and the Status does not say its exit code")
    raise refusal_of(found)
