from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.operator.agents import Agents
from tests.operator.changing import NEW, NODES
from tests.operator.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def started(world: World) -> Iterator[Callable[..., Agents]]:
    made: list[Agents] = []

    def start(**behaviour: Any) -> Agents:
        made.append(Agents(world, *NODES, **behaviour))
        return made[-1]

    world.wayhome()
    yield start
    for agents in made:
        agents.stop()


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "new.yaml"
    path.write_text(NEW)
    return str(path)
