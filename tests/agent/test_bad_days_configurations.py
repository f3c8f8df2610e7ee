"""Damaged configuration files through the running agent: it lives, and the kernel holds the last good one.

What is expected is decided here, by the agent's own pure parts; that those are right on 12,000 files is
tests/unit/test_configuration_fuzz.py's to show.
"""

import time
from functools import partial

import pytest
from tests.agent.agent_process import AgentProcess, wait_until
from tests.unit.test_configuration_fuzz import FILES, files

from wayhome.agent.holding import Holding
from wayhome.agent.reading import Present
from wayhome.kernel import Masquerade, NftablesKernel, Ruleset, ruleset_of
from wayhome.kernel.difference import Nothing, difference
from wayhome.policy import Settings

pytestmark = pytest.mark.kernel

COUNT = 200


def test_the_kernel_holds_the_last_good_one_of_200_damaged_files(agent: AgentProcess) -> None:
    holding = Holding(Settings(ipv6=True))
    held = holding.observe(Present(FILES[0]), 0)
    agent.write(FILES[0])
    agent.start("--enable-ipv6", "--backend=nftables")
    agent.wait_for("applied")
    applied = rejected = 0
    with NftablesKernel() as kernel:
        for data in files(COUNT):
            before, held = held, holding.observe(Present(data), 0)
            agent.write(data)
            if held.configuration != before.configuration:
                agent.wait_for("applied")
                applied += 1
            elif held.rejected and held != before:
                agent.wait_for("rejected")
                rejected += 1
            else:
                time.sleep(0.005)  # nothing is said about it, and nothing may happen
            wanted = ruleset_of(held.configuration.policy, Masquerade())
            wait_until(partial(holds, kernel, wanted), partial(repr, data))
            assert agent.process is not None
            assert agent.process.poll() is None, data
    assert applied > 10
    assert rejected > 50
    assert not [line for line in agent.lines() if line["event"] in ("kernel", "repaired")]


def holds(kernel: NftablesKernel, wanted: Ruleset) -> bool:
    kernel.forget()
    return isinstance(difference(kernel.read(), wanted), Nothing)
