"""Probes as a program of a container: `wayhome-agent probe`, in a Pod's network or its node's.

    probe PROTOCOL[,PROTOCOL…] HOST:PORT    attempt all of them at once, and print one JSON document
    probe wait                              wait, and end at once when that is asked for

The second is what a container runs whose network others are to probe from: programs are started beside it. As the
first process of a container it has to take SIGTERM itself, or the Pod's end would wait for it.

The document is what another program reads: per attempt its `outcome` (`reached`; `answered`, if a refusal or something
else came back; `failed`; `impossible`, if this place does not allow the attempt), its reason or answer as `detail`, the time, and `seen_source`, the address
that the target says it saw. `source` and `source_port` are this end's own, before anybody has translated them.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path

from wayhome.probe.attempt import open_attempt, run
from wayhome.probe.flow import identifiers
from wayhome.probe.observation import Address, Observation, Protocol
from wayhome.probe.target import Target, parse_target

SECONDS = 3.0
WAIT_SECONDS = 900
PING_GROUPS = Path("/proc/sys/net/ipv4/ping_group_range")

Result = dict[str, object]


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code: 0 all reached, 1 one was not, 2 usage, 3 one could not be attempted."""
    if arguments[:1] == ["wait"]:
        return _wait(arguments[1:])
    parser = argparse.ArgumentParser(
        prog="wayhome-agent probe", description=__doc__ and __doc__.partition("\n")[0]
    )
    parser.add_argument("protocols", type=_protocols, metavar="PROTOCOL[,PROTOCOL…]", help="http, tcp, icmp")  # fmt: skip
    parser.add_argument("target", type=_target, metavar="HOST:PORT")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"for each attempt ({SECONDS:g})")  # fmt: skip
    found = parser.parse_args(arguments)
    if found.target.port is None and found.protocols != (Protocol.ICMP,):
        parser.error("HTTP and TCP need a port; write HOST:PORT")
    document = probe(found.protocols, found.target, found.seconds)
    sys.stdout.write(json.dumps(document) + "\n")
    outcomes = {attempt["outcome"] for attempt in document["attempts"]}  # type: ignore[attr-defined]
    return 3 if "impossible" in outcomes else 1 if outcomes != {"reached"} else 0


def probe(protocols: Sequence[Protocol], target: Target, seconds: float) -> Result:
    """The document."""
    found: Result = {"schema": 1, "target": str(target), "address": None}
    try:
        address = _resolve(target.host)
    except OSError as error:
        reason = f"the name {target.host} cannot be resolved here: {error.strerror}"
        return found | {"attempts": [_failed(protocol, reason) for protocol in protocols]}
    attempts = asyncio.run(_all(protocols, address, target, seconds))
    return found | {"address": str(address), "attempts": attempts}


async def _all(
    protocols: Sequence[Protocol], address: Address, target: Target, seconds: float
) -> list[Result]:
    fresh = identifiers()
    asked = (_attempt(protocol, address, target, seconds, fresh) for protocol in protocols)
    return list(await asyncio.gather(*asked))


async def _attempt(
    protocol: Protocol, address: Address, target: Target, seconds: float, fresh: Iterator[int]
) -> Result:
    try:
        attempt = open_attempt(protocol, address, fresh, target.port or 0, host=str(target))
    except OSError as error:
        return _failed(protocol, _impossible(protocol, error), "impossible")
    with attempt:
        port = attempt.channel.getsockname()[1]
        seen = await run(attempt, seconds=seconds)
    return _observed(seen) | {"source": _own_address(address), "source_port": port}


def _observed(seen: Observation) -> Result:
    return {
        "protocol": seen.protocol.value,
        "outcome": "reached" if seen.reached else "answered" if seen.answered else "failed",
        "detail": seen.reason or seen.answer,
        "milliseconds": round(seen.milliseconds, 3),
        "seen_source": str(seen.source_seen) if seen.source_seen else None,
    }


def _failed(protocol: Protocol, reason: str, outcome: str = "failed") -> Result:
    unknown: Result = {"milliseconds": None, "seen_source": None, "source": None}
    return {"protocol": protocol.value, "outcome": outcome, "detail": reason, **unknown}


def _impossible(protocol: Protocol, error: OSError) -> str:
    if protocol is Protocol.ICMP and isinstance(error, PermissionError):
        try:
            groups = " to ".join(PING_GROUPS.read_text().split())
        except OSError:
            groups = "not readable"
        return (
            f"ICMP is not possible here: net.ipv4.ping_group_range is {groups}, and this process's group is "
            f"{os.getegid()}"
        )
    return f"not possible here: {error.strerror or error}"


def _resolve(host: str) -> Address:
    """Its first address. Raises OSError, within seconds: glibc's own patience is 5 s for each name server, twice."""
    os.environ.setdefault("RES_OPTIONS", "timeout:2 attempts:1")
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return ip_address(found[0][4][0])


def _own_address(destination: Address) -> str | None:
    """The address from which this place speaks to `destination`; None where nothing leads there. Nothing is sent."""
    family = socket.AF_INET if destination.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as channel:
        try:
            channel.connect((str(destination), 9))
        except OSError:
            return None
        return str(channel.getsockname()[0])


def _wait(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="wayhome-agent probe wait")
    parser.add_argument("--seconds", type=int, default=WAIT_SECONDS, help=f"at most so long ({WAIT_SECONDS})")  # fmt: skip
    seconds = parser.parse_args(arguments).seconds
    # The kernel drops signals to a container's first process that it neither handles nor blocks.
    endings = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, endings)
    sys.stdout.write(f"waiting for probes, at most {seconds} s\n")
    sys.stdout.flush()
    signal.sigtimedwait(endings, seconds)
    return 0


def _protocols(text: str) -> tuple[Protocol, ...]:
    try:
        return tuple(dict.fromkeys(Protocol(name) for name in text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is none of http, tcp and icmp, nor several of them with commas"
        ) from None


def _target(text: str) -> Target:
    try:
        return parse_target(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
