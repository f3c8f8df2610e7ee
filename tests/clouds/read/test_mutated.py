"""The case with some of its JSON changed, structure and all: it is read, and compiled or refused, without exceptions."""

import copy
import json
import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.clouds.read.directory import EXAMPLES, estate_of, network, problems, route

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.gcp.resources.route import Route
from wayhome.network import NetworkError

CASE = EXAMPLES / "the-case/exports"
FILES = {
    path.relative_to(CASE).as_posix(): json.loads(path.read_text())
    for path in sorted(CASE.rglob("*.json"))
}
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 2**70, 1e300, "", "x", "10.0.0.0/8", "::/0", "projects/p/global/networks/n", "\x1b[31m", "k8s",
    "/k8s/", "a/b~c", [], {}, [None], {"a": 1},
)  # fmt: skip
NAMES = ("kind", "items", "name", "selfLink", "network", "x")


def _places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield place
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from _places(inside, (*place, key))
    elif isinstance(value, list):
        for index, inside in enumerate(value):
            yield from _places(inside, (*place, index))


def _changed(value: Any, chance: random.Random) -> Any:
    """The value with one place deleted, replaced or repeated."""
    places = [place for place in _places(value) if place]
    if not places:
        return value
    *way, last = chance.choice(places)
    inside: Any = value
    for key in way:
        inside = inside[key]
    there = copy.deepcopy(inside[last])
    match chance.randrange(4):
        case 0:
            del inside[last]
        case 1 if isinstance(inside, list):
            inside.append(there)
        case 1:
            inside[chance.choice(NAMES)] = there
        case _:
            inside[last] = copy.deepcopy(chance.choice(VALUES))
    return value


@settings(max_examples=100, deadline=None)
@given(st.integers(min_value=0))
def test_the_case_with_some_values_changed(seed: int) -> None:
    chance = random.Random(seed)
    files = copy.deepcopy(FILES)
    for name in chance.sample(sorted(files), chance.randint(1, 4)):
        for _ in range(chance.randint(1, 5)):
            files[name] = _changed(files[name], chance)
    with TemporaryDirectory() as folder:
        estate = estate_of(Path(folder), files)
    for finding in estate.findings:
        assert str(finding).isprintable()
    with suppress(NetworkError):
        compile_estate(estate)


@pytest.mark.parametrize("name", ["-x", "", "n", "projects/p", "projects/p/global/networks/"])
def test_what_hangs_on_no_network_is_not_understood(tmp_path: Path, name: str) -> None:
    estate = estate_of(
        tmp_path, {"networks.json": [network()], "routes.json": [route(network=name)]}
    )
    assert not estate.all(Route)
    assert any("is no network's full name" in problem for problem in problems(estate))
