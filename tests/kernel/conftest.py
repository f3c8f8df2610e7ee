"""Kernels, fake and real, behind one handle; and a network for packets."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kernel.nodes import Node, fake_node, real_node

from wayhome.kernel import NftablesKernel
from wayhome.kernel.nfnetlink import Channel


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.kernel)])
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    """Every test that asks for it runs on both kernels."""
    if request.param == "fake":
        yield fake_node()
        return
    request.getfixturevalue("netns")
    channel = Channel()
    with NftablesKernel() as kernel:
        yield real_node(kernel, channel)
    channel.close()


@pytest.fixture
def xtables_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ordinary user cannot open /run/xtables.lock, which iptables-legacy wants to hold."""
    lock = tmp_path / "xtables.lock"
    monkeypatch.setenv("XTABLES_LOCKFILE", str(lock))
    return lock
