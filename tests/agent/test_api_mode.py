"""API mode while the API is not what it should be: a real agent, a real kernel, an API server over TLS.

Each time: what the kernel holds, and that the log says why, once. That nothing is missed in any order of failures is
tests/kube/test_interleavings.py's to show, and silences that last minutes are tests/kube/test_reflector.py's.
"""

import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
from tests.agent.agent_process import (
    CASE,
    CASE_RANGES,
    DEFAULTS,
    get,
    kept,
    nft,
    wait_for_kept,
    wait_until,
)
from tests.agent.api_agent import USER, Api, ApiAgent

from wayhome.agent.api_source import FIRST_ANSWER_SECONDS
from wayhome.kube.connection import KEEPALIVE_SECONDS

pytestmark = pytest.mark.kernel

OTHER = "nonMasqueradeCIDRs: [192.168.7.0/24]\n"
OTHER_RANGES = ("192.168.7.0/24",)
PATIENCE = 60.0
"""Seconds after which a back-off has ended that had few failures."""


def wait_long_for_kept(*ranges: str) -> None:
    wait_until(lambda: kept() == set(ranges), lambda: f"{ranges}, it keeps {kept()}", PATIENCE)


def test_an_api_that_is_down_at_the_first_start_means_the_defaults_until_it_comes(
    api: Api, watching: ApiAgent
) -> None:
    api.kill()
    watching.watch()
    line = watching.wait_for("no configuration")
    assert "ConfigMap kube-system/ip-masq-agent cannot be read" in line["message"]
    wait_for_kept(*DEFAULTS)
    api.again()
    api.write({"config": CASE})
    wait_long_for_kept(*CASE_RANGES)
    assert set(watching.warnings()) == {"no configuration"}


def test_an_api_that_is_silent_at_the_first_start_is_waited_for_once(
    api: Api, watching: ApiAgent
) -> None:
    """For the configuration and for the Node's ranges at the same time."""
    api.process.send_signal(signal.SIGSTOP)
    try:
        watching.watch(module="wayhome agent")
        began = watching.wait_for("backend")
        applied = watching.wait_for("applied")
    finally:
        api.process.send_signal(signal.SIGCONT)
    waited = datetime.fromisoformat(applied["time"]) - datetime.fromisoformat(began["time"])
    assert FIRST_ANSWER_SECONDS <= waited.total_seconds() < 1.5 * FIRST_ANSWER_SECONDS
    assert kept() == set(DEFAULTS)


def test_an_api_that_is_down_at_a_start_leaves_the_last_good_one_which_holds_at_once(
    api: Api, configured: ApiAgent
) -> None:
    configured.stop()
    nft("delete table inet wayhome\n")
    api.kill()
    configured.watch()
    configured.wait_for("applied", message="the kernel holds the last good configuration")
    assert kept() == set(CASE_RANGES)
    wait_until(configured.warnings, lambda: "a word of the API")
    (line,) = [line for line in configured.lines() if line["event"] == "unreadable"]
    assert "the last good configuration stays" in line["message"]
    time.sleep(11)  # the keeper has looked again, and the watch has tried again
    assert configured.warnings() == ["unreadable"]


def test_a_node_that_goes_over_from_a_mounted_file_begins_with_what_it_held(
    api: Api, watching: ApiAgent
) -> None:
    watching.write(CASE)
    watching.start("--backend=nftables")
    watching.wait_for("applied")
    watching.stop()
    api.write({"config": CASE})
    api.control("POST", "faults", action="silence", verb="list", times=1)
    watching.watch()
    watching.wait_for("starting")
    line = watching.wait_for("applied")
    assert (line["message"], line["how"]) == (
        "the kernel holds the last good configuration",
        "nothing to change",
    )
    wait_until(lambda: api.calls("list") > 0, lambda: "the request that is never answered")
    assert watching.process
    watching.process.send_signal(signal.SIGHUP)  # not to wait for half a minute
    watching.wait_for("accepted")
    assert watching.warnings() == []


def test_what_is_remembered_and_good_no_more_is_as_if_nothing_were(
    api: Api, configured: ApiAgent
) -> None:
    configured.stop()
    memory = configured.state / "last-good-configuration"
    memory.write_bytes(memory.read_bytes()[:-1])  # damaged
    nft("delete table inet wayhome\n")
    configured.watch()
    configured.wait_for("memory")
    assert configured.wait_for("applied")["message"] == "the kernel holds the configuration"


def test_an_api_that_goes_down_leaves_what_is_held_and_what_changed_meanwhile_counts_later(
    api: Api, configured: ApiAgent
) -> None:
    api.kill()
    configured.wait_for("unreadable")
    assert kept() == set(CASE_RANGES)
    api.again()
    api.write({"config": OTHER})
    wait_long_for_kept(*OTHER_RANGES)
    # While it was made anew, it may have been seen without the ConfigMap.
    assert [one for one in configured.warnings() if one != "removed"] == ["unreadable"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (401, "does not accept this agent's token"),
        (403, "A Role in kube-system has to grant get, list and watch of configmaps"),
        (500, "500"),
        (429, "429"),
    ],
)
def test_an_api_that_says_no_leaves_what_is_held(
    api: Api, configured: ApiAgent, code: int, said: str
) -> None:
    for verb in ("list", "watch"):
        api.control("POST", "faults", action="answer", verb=verb, code=code, times=-1)
    api.control("POST", "watches", action="break")
    assert said in configured.wait_for("unreadable")["message"]
    assert kept() == set(CASE_RANGES)
    api.control("DELETE", "faults")
    api.write({"config": OTHER})
    wait_long_for_kept(*OTHER_RANGES)
    assert configured.warnings() == ["unreadable"]


@pytest.mark.parametrize("told", ["expire", "break"])
def test_a_version_that_is_forgotten_is_nothing_to_speak_of(
    api: Api, configured: ApiAgent, told: str
) -> None:
    """In an event of the watch that there is, or of the next one."""
    api.write({"config": CASE}, "another")
    api.control("POST", "history", action="forget")
    api.control("POST", "watches", action=told)
    api.write({"config": OTHER})
    wait_long_for_kept(*OTHER_RANGES)
    assert configured.warnings() == []


@pytest.mark.parametrize("action", ["end", "break"])
def test_a_watch_that_ends_is_nothing_to_speak_of(
    api: Api, configured: ApiAgent, action: str
) -> None:
    for number in range(3):
        api.control("POST", "watches", action=action)
        api.write({"config": OTHER if number % 2 == 0 else CASE})
        wait_long_for_kept(*(OTHER_RANGES if number % 2 == 0 else CASE_RANGES))
    assert configured.warnings() == []


def test_a_token_that_was_rotated_is_taken_without_a_word(api: Api, configured: ApiAgent) -> None:
    api.allow("second")
    api.token.write_text("second")
    api.control("POST", "tokens", token="first", user=USER, seconds=0)
    api.control("POST", "watches", action="break")
    api.write({"config": OTHER})
    wait_long_for_kept(*OTHER_RANGES)
    assert configured.warnings() == []


def test_a_token_that_is_missing_at_the_start_is_found_when_it_comes(
    api: Api, watching: ApiAgent
) -> None:
    api.write({"config": CASE})
    api.token.unlink()
    watching.watch()
    assert f"there is no token {api.token}" in watching.wait_for("no configuration")["message"]
    wait_for_kept(*DEFAULTS)
    api.token.write_text("first")
    wait_long_for_kept(*CASE_RANGES)


def test_a_pod_finds_the_api_by_itself(api: Api, watching: ApiAgent) -> None:
    api.write({"config": CASE})
    watching.watch_as_a_pod(api)
    wait_for_kept(*CASE_RANGES)
    assert watching.warnings() == []
    new = api.folder / "token.new"
    new.write_text("second")
    api.allow("second")
    new.rename(api.token)  # as the kubelet does it
    api.control("POST", "tokens", token="first", user=USER, seconds=0)
    api.control("POST", "watches", action="break")
    api.write({"config": OTHER})
    wait_long_for_kept(*OTHER_RANGES)
    assert watching.warnings() == []


def test_a_connection_whose_packets_are_lost_is_noticed_and_made_anew(
    api: Api, configured: ApiAgent
) -> None:
    before = api.calls("watch")
    nft(
        f"""table ip lost {{
          chain out {{ type filter hook output priority 0; tcp dport {api.port} drop; tcp sport {api.port} drop; }}
        }}"""
    )
    time.sleep(KEEPALIVE_SECONDS + 2)
    assert kept() == set(CASE_RANGES)
    nft("delete table ip lost\n")
    wait_until(
        lambda: api.calls("watch") > before, lambda: "another watch", PATIENCE
    )  # of itself it would have come after 150 s
    api.write({"config": OTHER})
    wait_long_for_kept(*OTHER_RANGES)


def test_a_hangup_asks_again_without_waiting(api: Api, configured: ApiAgent) -> None:
    for verb in ("list", "watch"):
        api.control(
            "POST", "faults", action="answer", verb=verb, code=429, retry_after=3000, times=-1
        )
    api.control("POST", "watches", action="break")
    configured.wait_for("unreadable")
    api.control("DELETE", "faults")
    api.write({"config": OTHER})
    assert configured.process
    configured.process.send_signal(signal.SIGHUP)
    configured.wait_for("looking")
    wait_for_kept(*OTHER_RANGES)


def test_two_hundred_changes_in_a_row_end_with_the_last_one(api: Api, configured: ApiAgent) -> None:
    for number in range(200):
        api.write({"config": f"nonMasqueradeCIDRs: [10.{number}.0.0/16]\n"})
    wait_for_kept("10.199.0.0/16")
    assert configured.warnings() == []


def test_damage_is_repaired_while_the_api_is_away(api: Api, configured: ApiAgent) -> None:
    api.kill()
    configured.wait_for("unreadable")
    nft("delete table inet wayhome\n")
    configured.wait_for("repaired")
    wait_for_kept(*CASE_RANGES)


def test_readiness_and_metrics_of_an_agent_whose_configmap_is_rejected(
    api: Api, watching: ApiAgent
) -> None:
    api.write({"config": CASE})
    watching.watch("--metrics-bind-address=127.0.0.1:9696")
    watching.wait_for("applied")
    api.write({"masq.yaml": CASE})
    watching.wait_for("rejected")
    assert get("/readyz")[0] == get("/healthz")[0] == 200
    text = get("/metrics")[1]
    assert "wayhome_configuration_rejected 1" in text
    api.kill()
    watching.wait_for("unreadable")
    assert "wayhome_configuration_unreadable 1" in get("/metrics")[1]
    assert get("/readyz")[0] == get("/healthz")[0] == 200


def test_observing_what_a_configmap_says(api: Api, watching: ApiAgent) -> None:
    api.write({"config": CASE})
    watching.watch("--observe", "--backend=auto")
    watching.wait_for("compared", keep=3)
    api.write({"config": OTHER})
    watching.wait_for("compared", keep=2)
    assert kept() is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "KUBERNETES_SERVICE_HOST is not set: this is no Pod; write --kubeconfig=FILE"),
        (["--kubeconfig=/does/not/exist"], "there is no kubeconfig /does/not/exist"),
    ],
)
def test_a_way_to_the_api_that_cannot_be_known_ends_the_agent_with_2(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("KUBERNETES_")}
    done = subprocess.run(
        [sys.executable, "-m", "wayhome.agent", "--configmap=a", f"--state={tmp_path}", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False)
