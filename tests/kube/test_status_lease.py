"""What a Lease says of a node: written and read again, and read from whatever somebody has written into one."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayhome.kube.objects import ObjectVersion
from wayhome.kube.status_lease import (
    DEFAULTS,
    LEASE_SECONDS,
    NodeStatus,
    State,
    from_lease,
    versions_text,
)
from wayhome.kube.timestamps import micro_time, parse_time, second_time

NOON = datetime(2026, 3, 4, 12, 0, 0, 5, UTC)
FULL = NodeStatus(
    node="node-a",
    source="configmap kube-system/ip-masq-agent",
    held_version="8122",
    held_digest="sha256:" + "0a" * 32,
    held_key="config",
    applied_at=NOON,
    seen_version="8123",
    state=State.REJECTED,
    error="line 4: 10.0.0.1/8 has host bits; write 10.0.0.0/8",
    warning="no entry holds the Pod range 10.9.0.0/16",
    backend="nftables",
    scope="pods",
    agent_version="0.4.0",
    pod="wayhome/wayhome-agent-x7k2p",
    renewed_at=NOON + timedelta(seconds=1),
)


def test_a_status_survives_its_lease() -> None:
    lease = FULL.to_lease("wayhome-status", "6a1c")
    assert from_lease(json.loads(json.dumps(lease))) == FULL
    assert lease["metadata"]["ownerReferences"] == [
        {"apiVersion": "v1", "kind": "Node", "name": "node-a", "uid": "6a1c"}
    ]
    assert lease["spec"] == {
        "holderIdentity": "wayhome-agent-x7k2p",
        "leaseDurationSeconds": 1800,
        "renewTime": "2026-03-04T12:00:01.000005Z",
    }


def test_what_is_not_known_is_absent_and_a_patch_removes_it() -> None:
    little = NodeStatus(node="node-a", held_digest=DEFAULTS, state=State.DEFAULTS)
    lease = little.to_lease("wayhome-status")
    assert lease["metadata"]["annotations"] == {
        "wayhome/held-digest": "defaults",
        "wayhome/state": "defaults",
    }
    assert "ownerReferences" not in lease["metadata"]
    merged = _merged(FULL.to_lease("wayhome-status"), little.to_patch())
    del merged["spec"]["renewTime"]  # an agent always says when
    assert from_lease(merged) == little


def test_an_error_of_any_length_is_one_line_of_at_most_1024_characters() -> None:
    long = NodeStatus(node="n", error="\x1b[2J\n" + "x" * 5000)
    text = long.to_lease("s")["metadata"]["annotations"]["wayhome/error"]
    assert len(text) == 1024
    assert text.startswith("\\x1b[2J\\n")
    assert text.endswith("…")


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        ("held-version", "81 23"),
        ("held-version", "\x1b]0;owned\x07"),
        ("held-digest", "sha256:" + "0A" * 32),
        ("held-digest", "sha256:00"),
        ("held-key", "../config"),
        ("applied-at", "2026-03-04 12:00:00"),  # no offset: whose noon?
        ("applied-at", "yesterday"),
        ("state", "applied\n"),
        ("backend", "nf tables"),
        ("pod", "wayhome"),
        ("agent-version", ""),
        ("seen-version", 8123),
        ("error", ["a", "list"]),
    ],
)
def test_a_field_that_means_nothing_is_not_known_and_is_named(
    annotation: str, text: object
) -> None:
    lease = FULL.to_lease("wayhome-status")
    lease["metadata"]["annotations"]["wayhome/" + annotation] = text
    read = from_lease(lease)
    assert not getattr(read, annotation.replace("-", "_"))
    assert read.damaged == (annotation,)
    assert read.node == "node-a"


def test_a_state_of_a_newer_agent_is_kept() -> None:
    lease = FULL.to_lease("wayhome-status")
    lease["metadata"]["annotations"]["wayhome/state"] = "quiesced"
    assert from_lease(lease).state == "quiesced"
    assert from_lease(lease).damaged == ()


def test_terminal_escapes_in_a_lease_are_made_visible() -> None:
    lease = FULL.to_lease("wayhome-status")
    lease["metadata"]["annotations"]["wayhome/error"] = "\x1b[2Jall is well\u202e"
    lease["metadata"]["name"] = "node\x1b[2J"
    read = from_lease(lease)
    assert read.error == "\\x1b[2Jall is well\\u202e"
    assert read.node == "node\\x1b[2J"


@pytest.mark.parametrize("seconds", [None, True, 0, -1, "1800", 10**9, 1.5])
def test_a_duration_that_means_nothing_is_ours(seconds: object) -> None:
    lease = FULL.to_lease("wayhome-status")
    lease["spec"]["leaseDurationSeconds"] = seconds
    assert from_lease(lease).lease_seconds == LEASE_SECONDS


def test_a_status_counts_as_long_as_its_lease() -> None:
    assert FULL.renewed_at is not None
    end = FULL.renewed_at + timedelta(seconds=LEASE_SECONDS)
    assert FULL.is_current(end)
    assert not FULL.is_current(end + timedelta(microseconds=1))
    assert not NodeStatus(node="n").is_current(NOON)


def test_versions() -> None:
    one, other = ObjectVersion("b", "x", "u1", "2"), ObjectVersion("a", "y", "u2", "1")
    assert versions_text(()) == ""
    assert versions_text((one,)) == "2"
    assert versions_text((one, other)) == "a/y=1,b/x=2"


def test_times_are_utc_whatever_their_offset() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=9)))
    assert micro_time(there) == "2026-03-04T12:00:00.000005Z"
    assert second_time(there) == "2026-03-04T12:00:00Z"
    assert parse_time("2026-03-04T21:00:00.000005+09:00") == NOON
    assert parse_time("0001-01-01T00:00:00+23:00") is None  # before the first year


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda e: st.lists(e) | st.dictionaries(st.text(), e),
)
_ANNOTATIONS = [*FULL.to_lease("s")["metadata"]["annotations"], "other/annotation"]


@given(
    name=_json,
    annotations=_json | st.dictionaries(st.sampled_from(_ANNOTATIONS), _json),
    spec=_json | st.dictionaries(st.sampled_from(["renewTime", "leaseDurationSeconds"]), _json),
)
def test_nothing_in_a_lease_is_too_much(name: object, annotations: object, spec: object) -> None:
    read = from_lease({"metadata": {"name": name, "annotations": annotations}, "spec": spec})
    said = (read.node, read.source, read.error, read.warning, read.held_version, str(read.state))
    assert all(text.isprintable() and len(text) <= 8192 for text in said)
    from_lease({"metadata": name, "spec": spec})  # nor instead of its parts


def _merged(item: Any, patch: Any) -> Any:
    """RFC 7396, as it stands there."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(item) if isinstance(item, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


def test_when_it_was_renewed_is_what_the_api_server_wrote_down() -> None:
    lease = FULL.to_lease("wayhome-status")
    lease["metadata"]["managedFields"] = [
        {"manager": "other", "time": "2026-03-04T15:00:00Z", "fieldsV1": {"f:metadata": {}}},
        {"manager": "old", "time": "2026-03-04T09:00:00Z", "fieldsV1": {"f:spec": {"f:renewTime": {}}}},
        {"manager": "new", "time": "2026-03-04T14:00:00Z", "fieldsV1": {"f:spec": {"f:renewTime": {}}}},
        {"fieldsV1": {"f:spec": {"f:renewTime": {}}}}, {"fieldsV1": 1}, 7,
    ]  # fmt: skip
    read = from_lease(lease)
    two = datetime(2026, 3, 4, 14, tzinfo=UTC)
    assert (read.recorded_at, read.renewed_at) == (two, FULL.renewed_at)
    assert read.is_current(two + timedelta(minutes=29))
    assert not read.is_current(two + timedelta(minutes=31))
    assert not read.is_current(two - timedelta(minutes=31))
