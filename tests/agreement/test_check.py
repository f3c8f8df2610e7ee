"""`wayhome lab check`: as a process on the account's network, and what it shows where the two differ."""

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest

from wayhome.cli import lab_check_report
from wayhome.clouds.compile import compile_estate
from wayhome.clouds.read import read_estate
from wayhome.lab.check import Checked, check
from wayhome.lab.compiled.asked import Asked, Seen
from wayhome.lab.questions import drawn, questions, sample
from wayhome.network import Address, Flow, Network, Protocol
from wayhome.trace import Lost

CASE = Path(__file__).parents[2] / "examples/the-case/exports"
TARGET = "projects/destination-project/zones/asia-northeast1-a/instances/target-gce-01"


def network() -> Network:
    return compile_estate(read_estate(CASE))


class Always:
    """A kernel that always sees the same."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    def ask(self, questions: Sequence[Asked]) -> list[Seen]:
        return [self.seen for _ in questions]


def against(seen: Seen) -> Checked:
    """The account's question, which is lost on its way home, to a kernel that saw something else."""
    (pod,) = (node for node in network().nodes if node.name.endswith("/pods/my-pod"))
    flow = Flow(pod.addresses[0], Address.parse("10.2.0.1"), Protocol.TCP, 80)
    return check(network(), [Asked(flow, pod.name)], lambda _: nullcontext(Always(seen)))


@pytest.mark.parametrize(
    ("seen", "about"),
    [
        (Seen(reached=True), "and it was reached"),
        (Seen(False, Lost.FORWARD, "x", "y"), "on its way reply, the kernel forward"),
        (Seen(False), "the kernel nowhere"),
        (
            Seen(False, Lost.REPLY, "elsewhere", "PRIVATE_TRAFFIC_TO_INTERNET"),
            "the kernel at elsewhere",
        ),
    ],
)
def test_each_difference_is_named(seen: Seen, about: str) -> None:
    checked = against(seen)
    (one,) = checked.disagreements
    assert about in " ".join(one.about)
    text = "\n".join(f"{line.head}{line.text}" for line in lab_check_report.lines(checked, CASE))
    assert "the way out:" in text
    assert "PRIVATE_TRAFFIC_TO_INTERNET" in text
    assert "in the kernel: " in text
    assert "1 disagreement: 1 flow of " in text
    (found,) = lab_check_report.document(checked)["disagreements"]
    assert found["tracer"]["lost"] == "reply"
    assert found["kernel"]["reached"] is seen.reached


def test_the_source_that_is_seen_has_to_be_the_same() -> None:
    assert not against(_lost_on_its_way_home(_pod_address())).disagreements
    wrong = against(_lost_on_its_way_home(Address.parse("10.1.0.3")))
    (one,) = wrong.disagreements
    assert one.about == (f"by the tracer {_pod_address()} is seen there, in the kernel 10.1.0.3",)


def test_it_has_to_be_seen_where_it_arrived() -> None:
    (one,) = against(_lost_on_its_way_home(None, None)).disagreements
    assert one.about == (f"the tracer delivers it to {TARGET}, the kernel to nobody",)


def _lost_on_its_way_home(source: Address | None, delivered_to: str | None = TARGET) -> Seen:
    gateway = "projects/destination-project/global/networks/target-network/internet-gateway"
    return Seen(False, Lost.REPLY, gateway, "PRIVATE_TRAFFIC_TO_INTERNET", source, delivered_to)


def _pod_address() -> Address:
    return next(n for n in network().nodes if n.name.endswith("/pods/my-pod")).addresses[0]


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    found = list(questions(network()))
    assert sample(found, 5, 1) == sample(found, 5, 1) != sample(found, 5, 2)
    assert sample(found, None, 1) == found
    assert len(found) == len({(one.at, one.flow) for one in found})


@pytest.mark.kernel
def test_what_is_drawn_of_a_large_network_can_be_asked_and_is_the_same_for_the_same_seed() -> None:
    case = network()
    found = drawn(case, 50, seed=1)
    assert (len(set(found)), set(found) <= set(questions(case))) == (50, True)
    assert drawn(case, 50, seed=1) == found != drawn(case, 50, seed=2)
    assert drawn(Network.of([], []), 50, seed=1) == []


def test_the_command(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "wayhome", "lab", "check", "--from", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    done = run(str(CASE), "--sample", "12", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    nodes = len(network().nodes)
    assert json.loads(done.stdout) == {
        "schema": 1, "flows": 12, "networks": 1, "not_built": 0, "disagreements": [],
        "nodes": {"built": nodes, "of": nodes}, "own_rules_not_loaded": {},
    }  # fmt: skip
    empty = run(str(tmp_path))
    assert empty.returncode == 2
    assert "no two ends" in empty.stderr
