"""Whatever is in a directory, it is read: findings, never an exception; and what is damaged is not known."""

import json
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from tests.clouds.read.directory import EXAMPLES, estate_of, route

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.knowledge import State
from wayhome.clouds.read import kinds
from wayhome.policy.findings import Severity

CASE = EXAMPLES / "the-case/exports"
FILES = sorted(path.relative_to(CASE).as_posix() for path in CASE.rglob("*.json"))

# Words that the reader looks for, so that random documents get past its first question.
_WORDS = st.sampled_from(
    [
        *kinds.BY_KIND, "List", "PodList", "compute#routeList", "compute#instanceAggregatedList", "Secret",
        "kind", "apiVersion", "v1", "apps/v1", "items", "clusters", "metadata", "name", "namespace", "selfLink",
        "asset_type", "assetType", "resource", "data", "id", "network", "destRange", "type", "imported", "instance",
        "status", "firewalls", "firewallPolicys", "warning", "code", "nextPageToken", "unreachables", "schema",
        "collected", "spec", "config", "projects/p/global/networks/n", "projects/p/zones/z/instances/i",
        "compute.googleapis.com/Route", "k8s.io/Pod", "10.0.0.0/8", "nftables",
    ]
)  # fmt: skip
_TEXT = _WORDS | st.text("ab/.~:#-\x1b\x00é\ud800\U0001f600", max_size=6)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=5),
    max_leaves=25,
)
_NAMES = st.sampled_from(
    ["a.json", "routes.json", "collected.json", "nodes/n/a.json", "gke_p_z_c/pods.json", "b"]
)


def _read(files: dict[str, Any]) -> Estate:
    with TemporaryDirectory() as folder:
        estate = estate_of(Path(folder), files)
    for finding in estate.findings:
        assert str(finding).isprintable()
    return estate


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(_NAMES, _JSON.map(lambda value: json.dumps(value).encode()), max_size=3))
@example({"a.json": b'{"kind": "compute#route", "network": "\\ud800", "destRange": "10.0.0.0/8"}'})
@example({"a.json": b'[{"kind": "Node", "metadata": {"name": "\\u001b[31m"}}]'})
def test_any_json(files: dict[str, bytes]) -> None:
    _read(files)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(_NAMES, st.binary(max_size=60), max_size=3))
@example({"a.json": b'{"a": "' + b'\\"' * 50})
@example({"a.json": b"[" * 100_000})
@example({"a.json": b'{"kind":' * 100_000})
@example({"a.json": b"\xff\xfe{"})
@example({"a.json": b"9" * 5000})
@example({"a.json": b'[{"id": ' + b"9" * 5000 + b"}]"})
@example({"a.json": b'[{"id": 1e999, "priority": -1e999}]'})
def test_any_bytes(files: dict[str, bytes]) -> None:
    _read(files)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FILES), st.integers(min_value=0), st.integers(1, 40))
def test_the_case_with_some_bytes_changed(name: str, seed: int, changes: int) -> None:
    data = bytearray((CASE / name).read_bytes())
    chance = random.Random(seed)
    for _ in range(changes):
        data[chance.randrange(len(data))] = chance.choice(b'{}[]",:0a\\\x00\xff')
    _read({name: bytes(data)})


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 3000))
def test_a_file_that_ends_early_is_unknown(missing: int) -> None:
    whole = json.dumps([route("a"), route("b"), route("c")], indent=2).encode()
    cut = whole[: max(1, len(whole) - missing)]
    estate = _read({"all.json": cut, "routes.json": [route("d")]})
    assert list(estate.all(Route)) == ["projects/p/global/routes/d"]
    assert estate.knows(Route, "projects/p").state is State.DAMAGED
    assert any(finding.severity is Severity.ERROR for finding in estate.findings)


@settings(max_examples=150, deadline=None)
@given(_JSON, st.sampled_from(["network", "destRange", "priority", "tags", "nextHopGateway"]))
def test_a_route_with_any_value_in_a_field(value: Any, field: str) -> None:
    """It is a route, or the project's routes are unknown; never less."""
    assume("\\ud800" not in json.dumps(value))  # no text: then the whole file is no JSON
    estate = _read({"routes.json": [route(), route("other", **{field: value})]})
    understood = estate.get(Route, "projects/p/global/routes/other") is not None
    state = estate.knows(Route, "projects/p").state
    assert state is (State.EXPORTED if understood else State.DAMAGED)
    assert estate.get(Route, "projects/p/global/routes/r") is not None
