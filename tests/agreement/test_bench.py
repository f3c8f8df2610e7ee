"""`scripts/bench --agreement`: what it says, what it keeps, and how small that is."""

import errno
from contextlib import nullcontext
from dataclasses import replace
from ipaddress import IPv4Network
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import strategies as st
from tests.agreement.exports import Exports
from tests.agreement.instances import instance
from tests.agreement.test_check import Always
from tests.agreement.vpc import Vpc
from tests.agreement.vpcs import firewalls, subnetwork

from bench import agreement
from wayhome.clouds.compile import compile_estate
from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.read import read_estate
from wayhome.lab.check import Checked, check
from wayhome.lab.compiled.asked import Seen
from wayhome.lab.questions import questions

SEED = 5


@pytest.mark.kernel
def test_it_counts_and_says_how_flows_ended(capsys: pytest.CaptureFixture[str]) -> None:
    assert agreement.run(10, SEED) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"seed {SEED}\n")
    assert "no disagreement: " in said
    assert "came home" in said


MACHINES = 3


@st.composite
def machines(draw: st.DrawFn) -> Exports:
    """One network, and nothing but machines in it: small, so that a search among these takes a second."""
    exports = Exports()
    vpc = Vpc("p-vpc-0", 0, "us-east1", IPv4Network("10.1.0.0/24"))
    exports.project(vpc.project)
    exports.add("networks", vpc.full, autoCreateSubnetworks=False, peerings=[])
    for number in range(draw(st.integers(0, 6))):
        draw(instance(exports, vpc, f"vm-{number}"))
    subnetwork(exports, vpc, [], google_access=False)
    draw(firewalls(exports, vpc))
    return exports


class Kernel:
    """In place of a kernel, which would take minutes to search with: it brings nothing home among so many machines."""

    def __init__(self, *, once: bool = False) -> None:
        self.failed: list[int] = []
        """How many machines there were each time that it failed."""
        self._once = once

    def ask(self, estate: Estate) -> Checked:
        network = compile_estate(estate)
        seen = Always(Seen(reached=False))
        result = check(network, list(islice(questions(network), 1)), lambda _: nullcontext(seen))
        lost = tuple(one for one in result.disagreements if one.trace.verdict == "REACHABLE")
        machines = len(list(estate.all(Instance)))
        if machines < MACHINES or (self._once and self.failed):
            lost = ()
        if lost:
            self.failed.append(machines)
        return replace(result, disagreements=lost)


def test_a_disagreement_is_shrunk_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel = Kernel()
    assert agreement.run(10_000, SEED, kernel.ask, tmp_path, machines()) == 1
    kept = tmp_path / f"seed-{SEED}" / "exports"
    assert kernel.ask(read_estate(kept)).disagreements
    assert MACHINES <= kernel.failed[-1] < kernel.failed[0]
    said = capsys.readouterr().out
    assert "the tracer brings it home, and the kernel lost it out of sight" in said
    assert "the way out:" in said
    assert f"seed {SEED}: the smallest network that shows it is kept in {kept.parent}" in said
    assert f"lab check --from {kept}" in said


def test_a_disagreement_that_does_not_show_itself_again_is_kept_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel = Kernel(once=True)
    assert agreement.run(10_000, SEED, kernel.ask, tmp_path, machines()) == 1
    kept = tmp_path / f"seed-{SEED}" / "exports"
    assert list(questions(compile_estate(read_estate(kept))))
    said = capsys.readouterr().out
    assert f"seed {SEED}: this did not happen again" in said
    assert "the tracer brings it home, and the kernel lost it out of sight" in said
    assert "the way out:" in said


def test_a_network_of_which_no_lab_can_be_built_is_kept_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(estate: Estate) -> Checked:
        if list(estate.all(Instance)):
            raise OSError(errno.EINVAL, "the kernel's words")
        return Kernel().ask(estate)

    assert agreement.run(10_000, SEED, refuse, tmp_path, machines()) == 1
    kept = tmp_path / f"seed-{SEED}" / "exports"
    assert list(read_estate(kept).all(Instance))
    said = capsys.readouterr().out
    assert "no lab can be built of it: [Errno 22] the kernel's words" in said
    assert f"lab check --from {kept}" in said
