"""The agent's metrics, read with Prometheus' own parser."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from wayhome.agent.exposition import Histogram, Metric, Sample, exposition
from wayhome.agent.holding import Holding
from wayhome.agent.metrics import conntrack_metrics, line_metrics, metrics
from wayhome.agent.reading import Missing, Present, Unreadable
from wayhome.agent.tally import Tally
from wayhome.kernel import Cause, Change, ChangeKind
from wayhome.kernel.counts import Connections, Count, Sent
from wayhome.kernel.foreign.report import Report
from wayhome.policy import Settings

CASE = b"nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n  - 10.1.0.0/16\n"


def read(text: str) -> dict[str, list[Any]]:
    return {family.name: list(family.samples) for family in text_string_to_metric_families(text)}


def value(tally: Tally, name: str, **labels: str) -> float:
    text = exposition(metrics(tally, "nftables"))
    found = [
        sample.value
        for samples in read(text).values()
        for sample in samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert len(found) == 1, (name, labels, text)
    return float(found[0])


@given(text=st.text(), number=st.floats(allow_nan=False, allow_infinity=False))
def test_whatever_a_label_holds_is_read_as_it_was_written(text: str, number: float) -> None:
    written = exposition([Metric("x", "gauge", "A\nhelp \\ text.", (Sample(number, {"a": text}),))])
    (sample,) = read(written)["x"]
    assert sample.labels == {"a": text}
    assert sample.value == number


def test_a_histogram_is_cumulative() -> None:
    histogram = Histogram(0.1, 1.0)
    for seconds in (0.05, 0.5, 0.6, 5.0):
        histogram.observe(seconds)
    text = exposition([Metric("h", "histogram", "Help.", histogram.samples())])
    samples = {(s.name, s.labels.get("le")): s.value for s in read(text)["h"]}
    assert samples == {
        ("h_bucket", "0.1"): 1,
        ("h_bucket", "1"): 3,
        ("h_bucket", "+Inf"): 4,
        ("h_sum", None): pytest.approx(6.15),
        ("h_count", None): 4,
    }


def test_before_the_first_application_nothing_is_ready() -> None:
    tally = Tally()
    assert value(tally, "wayhome_ready") == 0
    assert value(tally, "wayhome_build_info", backend="nftables", scope="") == 1


def test_an_applied_configuration() -> None:
    tally = Tally(clock=lambda: 1000.0)
    held = Holding(Settings()).observe(Present(CASE), 0)
    tally.source(held)
    assert value(tally, "wayhome_ready") == 0
    tally.applied(held, Change(ChangeKind.REPLACED, 0.01, 3), 0.02)
    tally.verified()
    assert value(tally, "wayhome_ready") == 1
    assert value(tally, "wayhome_configuration_applied_timestamp_seconds") == 1000
    assert value(tally, "wayhome_configuration_entries", action="keep") == 3  # link-local is one
    assert value(tally, "wayhome_changes_total", how="table replaced") == 1
    assert value(tally, "wayhome_source_to_kernel_seconds_count") == 1
    assert value(tally, "wayhome_source_to_kernel_seconds_bucket", le="0.01") == 0
    assert value(tally, "wayhome_source_to_kernel_seconds_bucket", le="0.025") == 1


def test_the_digest_is_that_of_sha256sum() -> None:
    tally = Tally()
    held = Holding(Settings()).observe(Present(b"{}"), 0)
    tally.applied(held, Change(ChangeKind.REPLACED, 0.01), 0.02)
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert value(tally, "wayhome_configuration_info", digest=digest, basis="configuration") == 1


def test_another_text_that_means_the_same_has_its_own_digest() -> None:
    tally, holding = Tally(), Holding(Settings())
    held = holding.observe(Present(CASE), 0)
    tally.source(held)
    tally.applied(held, Change(ChangeKind.REPLACED, 0.01), 0.02)
    text = CASE + b"# reviewed\n"
    tally.source(holding.observe(Present(text), 1))
    digest = hashlib.sha256(text).hexdigest()
    assert value(tally, "wayhome_configuration_info", digest=digest, basis="configuration") == 1
    tally.source(holding.observe(Present(CASE + b"masqLinkLocal: true\n"), 2))  # on its way
    assert value(tally, "wayhome_configuration_info", digest=digest, basis="configuration") == 1


def test_a_restart_with_a_rejected_file_that_is_then_mended() -> None:
    tally, holding = Tally(), Holding(Settings(), remembered=CASE)
    held = holding.observe(Present(b"nonMasqueradeCIDRs: 7"), 0)
    tally.source(held)
    tally.applied(held, Change(ChangeKind.NOTHING, 0.01), 0.02)
    assert value(tally, "wayhome_configuration_info", basis="last good configuration") == 1
    tally.source(holding.observe(Present(CASE), 1))
    assert value(tally, "wayhome_configuration_info", basis="configuration") == 1


def test_a_rejected_configuration_leaves_the_agent_ready_and_is_counted() -> None:
    tally, holding = Tally(), Holding(Settings())
    held = holding.observe(Present(CASE), 0)
    tally.applied(held, Change(ChangeKind.REPLACED, 0.01), 0.02)
    tally.source(holding.observe(Present(b"nonMasqueradeCIDRs: 7"), 1))
    assert value(tally, "wayhome_ready") == 1
    assert value(tally, "wayhome_configuration_rejected") == 1
    assert value(tally, "wayhome_configuration_rejections_total") == 1
    tally.source(holding.observe(Present(CASE), 2))
    assert value(tally, "wayhome_configuration_rejected") == 0


def test_an_unreadable_source_and_a_missing_one_are_told_apart() -> None:
    tally, holding = Tally(), Holding(Settings())
    tally.source(holding.observe(Unreadable("no volume"), 0))
    assert value(tally, "wayhome_configuration_unreadable") == 1
    assert value(tally, "wayhome_source_errors_total") == 1
    tally.source(holding.observe(Missing("nothing there"), 1))
    assert value(tally, "wayhome_configuration_unreadable") == 0
    assert value(tally, "wayhome_configuration_defaults") == 1


def test_a_kernel_that_refuses_makes_it_not_ready_until_it_is_verified() -> None:
    tally = Tally()
    held = Holding(Settings()).observe(Present(CASE), 0)
    tally.source(held)
    tally.applied(held, Change(ChangeKind.REPLACED, 0.01), 0.02)
    tally.kernel_refused("no memory", 1)
    assert value(tally, "wayhome_ready") == 0
    assert value(tally, "wayhome_kernel_errors_total") == 1
    tally.verified()
    assert value(tally, "wayhome_ready") == 1


def test_repairs_are_counted_by_cause() -> None:
    tally = Tally()
    tally.repaired(Change(ChangeKind.REPLACED, 0.01, cause=Cause.NO_TABLE), alarm=False, next_in=1)
    tally.repaired(Change(ChangeKind.ELEMENTS, 0.01, added=1), alarm=True, next_in=60)
    assert value(tally, "wayhome_repairs_total", cause="there is no table of ours") == 1
    assert value(tally, "wayhome_repairs_total", cause="elements were changed") == 1
    assert value(tally, "wayhome_rules_in_dispute") == 1


def test_what_nobody_looked_at_has_no_metric() -> None:
    text = exposition(metrics(Tally(), "nftables"))
    assert "foreign" not in text
    assert "observed" not in text
    assert "bypassed" not in text


def test_foreign_rules_and_agreement() -> None:
    tally = Tally(clock=lambda: 1000.0)
    held = Holding(Settings()).observe(Present(CASE), 0)
    tally.source(held)
    tally.applied(held, Change(ChangeKind.NOTHING, 0.01), 0.02)
    tally.looked(Report(certain=2, conditional=3))
    assert value(tally, "wayhome_foreign_rules_in_conflict", certainty="certain") == 2
    assert value(tally, "wayhome_foreign_rules_in_conflict", certainty="conditional") == 3
    assert value(tally, "wayhome_foreign_rules_read_timestamp_seconds") == 1000
    assert value(tally, "wayhome_ready") == 1
    assert "observed" not in exposition(metrics(tally, "nftables"))
    tally.looked(Report(deciders=("x",), disagreements=("10.0.0.0/8: no",)))
    assert value(tally, "wayhome_observed_agreement") == 0
    assert value(tally, "wayhome_observed_chains") == 1
    assert value(tally, "wayhome_ready") == 0
    tally.looked(Report(deciders=("x",)))
    assert value(tally, "wayhome_observed_agreement") == 1
    assert value(tally, "wayhome_ready") == 1
    tally.not_looked()
    assert value(tally, "wayhome_foreign_rules_read_errors_total") == 1
    assert "agreement" not in exposition(metrics(tally, "observe"))


def test_connections_have_the_line_that_decided() -> None:
    held = Holding(Settings()).observe(Present(CASE), 0)
    link_local, first, _ = held.configuration.policy.entries
    counted = Connections({link_local: 1, first: 5}, 7)
    samples = read(exposition(line_metrics(counted)))["wayhome_connections"]
    assert [(s.labels["list"], s.labels["prefix"], s.labels["line"], s.value) for s in samples] == [
        ("masqLinkLocal", "169.254.0.0/16", "", 1),
        ("nonMasqueradeCIDRs", "172.16.0.0/16", "2", 5),
        ("", "", "", 7),
    ]


def test_packets_and_bytes_have_the_labels_of_connections() -> None:
    held = Holding(Settings()).observe(Present(CASE), 0)
    link_local, first, _ = held.configuration.policy.entries
    sent = Sent({link_local: Count(1, 60), first: Count(5, 700)}, Count(7, 9000))
    found = read(exposition(line_metrics(Connections({link_local: 1, first: 5}, 7, sent))))
    labels = [sample.labels for sample in found["wayhome_connections"]]
    for name, values in (("packets", [1, 5, 7]), ("bytes", [60, 700, 9000])):
        samples = found[f"wayhome_sent_{name}"]
        assert [sample.labels for sample in samples] == labels
        assert [sample.value for sample in samples] == values


def test_packets_that_are_not_counted_are_absent() -> None:
    assert "sent" not in exposition(line_metrics(Connections({}, 7)))


def test_failed_insertions_are_added_over_the_processors(tmp_path: Path) -> None:
    statistics = tmp_path / "nf_conntrack"
    statistics.write_text("entries  insert insert_failed drop\n1  2 0a 0\n1  2 1 0\n")
    (metric,) = conntrack_metrics(statistics)
    assert read(exposition([metric]))["wayhome_conntrack_insert_failed"][0].value == 11


@pytest.mark.parametrize("text", ["", "entries\n1\n", "entries insert_failed\nx y\n"])
def test_statistics_of_another_kind_are_left_out(tmp_path: Path, text: str) -> None:
    statistics = tmp_path / "nf_conntrack"
    statistics.write_text(text)
    assert not list(conntrack_metrics(statistics))
    assert not list(conntrack_metrics(tmp_path / "absent"))
