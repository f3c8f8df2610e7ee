"""Random rules that a node holds: the tracer walks what was read of them, the kernel obeys them themselves."""

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from tests.golden.corpus import golden
from tests.lab.compiled.held_rulesets import nft_tables, saved

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.read import read_estate
from wayhome.lab.check import check
from wayhome.lab.compiled import Asked
from wayhome.lab.exported import ExportedLabs
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.programs import environment
from wayhome.network import Address, Flow, Protocol

pytestmark = pytest.mark.kernel

POD = "projects/source-project/locations/asia-northeast1-a/clusters/my-gke/k8s/namespaces/default/pods/my-pod"
DESTINATIONS = ("10.2.0.1", "10.1.0.4", "172.16.1.2")
FLOWS = [
    Flow(Address.parse("172.16.2.2"), Address.parse(destination), protocol, port)
    for destination in DESTINATIONS
    for protocol, port in ((Protocol.TCP, 80), (Protocol.UDP, 53), (Protocol.ICMP, None))
]
SOME = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


@SOME
@given(text=saved())
def test_what_was_read_of_iptables_is_what_the_kernel_does(text: str) -> None:
    assert differences("foreign-rule", "iptables-nft-save.txt", text) == []


KEPT = """table ip mine {
chain out { type nat hook postrouting priority 90;
ip daddr { 10.2.0.0/31 } masquerade
ip daddr { 172.16.0.0/16 } iif 0 counter snat to ip saddr
}
}
"""
"""What keeps an address of IPv4, in a network that has IPv6 too, gets no rule for IPv6."""


@SOME
@given(table=nft_tables())
@example(table=KEPT)
def test_what_was_read_of_nft_is_what_the_kernel_does(table: str) -> None:
    with NetworkNamespace.create() as namespace, namespace.entered():
        nft("-f", "-", text=table)
        listed = nft("-j", "list", "ruleset")
    assert differences("foreign-rule-of-nft", "nft.json", listed) == []


def differences(case: str, file: str, text: str) -> list[str]:
    """What the kernel does otherwise than the tracer says, where a node holds these rules."""
    with tempfile.TemporaryDirectory() as folder:
        exports = golden(case, Path(folder))
        (exports / "nodes/gke-node-02" / file).write_text(text)
        estate = read_estate(exports)
    network = compile_estate(estate)
    labs = ExportedLabs(estate, network)
    checked = check(network, [Asked(flow, POD) for flow in FLOWS], labs)
    assert labs.refused == {}
    return [str(one) for one in checked.disagreements]


def nft(*arguments: str, text: str = "") -> str:
    done = subprocess.run(
        ["nft", *arguments], input=text, capture_output=True, text=True, check=False, env=environment()
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + text
    return done.stdout
