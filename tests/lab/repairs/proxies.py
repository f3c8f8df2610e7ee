"""The case's proxies, built: what `proxy-vm` proposes, with real nginx on its machines and a server at the target."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from tests.diagnosis.variants import asked, repairs, the_case

from wayhome.clouds.proxy import Proxy
from wayhome.diagnosis.repairs.proxy_vm import proxy_vm
from wayhome.diagnosis.repairs.replay import Replay
from wayhome.lab.compiled import BuiltNetwork
from wayhome.lab.programs import Program, RunningProgram
from wayhome.lab.repairs.balancers import Balancer, balancers
from wayhome.lab.repairs.nginx import start_nginx
from wayhome.lab.repairs.stream import Stream
from wayhome.probe.observation import Protocol
from wayhome.probe.server import LISTENING


@dataclass(frozen=True, slots=True)
class Proxies:
    """What is up."""

    built: BuiltNetwork
    balancer: Balancer
    proxies: dict[str, Proxy]
    nginx: dict[str, RunningProgram]
    stream: Stream


def proposed() -> Replay:
    return repairs(asked(the_case(), kinds=(proxy_vm,)))["proxy-vm"]


@contextmanager
def running(folder: Path) -> Iterator[Proxies]:
    replay = proposed()
    assert replay.after is not None
    estate = replay.after.estate
    (balancer,) = balancers(estate)
    target = replay.before.trace.forward[-1].node
    pod = replay.before.asked.source.node
    with BuiltNetwork(replay.after.network, folder) as built:
        server = Program(target, "server", (sys.executable, "-m", "wayhome.probe.server"))
        built.start(server).wait_until(lambda text: LISTENING in text, 10)
        proxies = {one.value.host: one.value for one in estate.all(Proxy).values()}
        nginx = {host: start_nginx(built, proxy, host) for host, proxy in proxies.items()}
        front = ip_address(str(balancer.front))
        stream = Stream(built.namespace(pod), front, Protocol.HTTP, balancer.checked_port)
        yield Proxies(built, balancer, proxies, nginx, stream)
