"""The real agent on a ConfigMap volume: what it says of a configuration under the wrong key."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.lab.small import small_network

from wayhome.lab import agent_log
from wayhome.lab.compiled import BuiltNetwork
from wayhome.lab.programs import Program, RunningProgram
from wayhome.lab.the_case.files import CONFIGURATION
from wayhome.lab.volume import ConfigMapVolume
from wayhome.network import Network

pytestmark = pytest.mark.kernel
Build = Callable[[Network], BuiltNetwork]
CREATE = "kubectl create configmap ip-masq-agent --from-file=config=FILE --namespace kube-system"


def start(build: Build, volume: ConfigMapVolume, state: Path) -> RunningProgram:
    volume.project({})
    options = (f"--config={volume.folder}/ip-masq-agent", f"--state={state}", "--log-format=json")
    agent = Program("client", "agent", (sys.executable, "-m", "wayhome.agent", *options))
    running = build(small_network()).start(agent)
    running.wait_until(lambda text: said(text, "applied"), 20)
    return running


def said(text: str, event: str, part: str = "") -> bool:
    return any(e.event == event and part in e.message for e in agent_log.events(text))


def volume_in(tmp_path: Path, items: dict[str, str] | None) -> ConfigMapVolume:
    folder = tmp_path / "volume"
    folder.mkdir()
    return ConfigMapVolume(folder, items)


def test_without_items_the_file_has_the_wrong_name_and_the_agent_says_so_at_once(
    build: Build, tmp_path: Path
) -> None:
    volume = volume_in(tmp_path, None)
    running = start(build, volume, tmp_path / "state")
    assert volume.project({"masq.yaml": CONFIGURATION})
    text = running.wait_until(lambda text: said(text, "no configuration", "masq.yaml"), 10)
    message = agent_log.events(text)[-1].message
    assert message.startswith(f"{volume.folder} holds masq.yaml and not ip-masq-agent")
    assert CREATE in message


def test_with_items_the_agent_is_shown_nothing_and_has_said_so_at_its_start(
    build: Build, tmp_path: Path
) -> None:
    volume = volume_in(tmp_path, {"config": "ip-masq-agent"})
    running = start(build, volume, tmp_path / "state")
    before = agent_log.events(running.text())
    assert said(running.text(), "no configuration", CREATE)
    assert not volume.project({"masq.yaml": CONFIGURATION})
    # The right key afterwards is the next thing that the agent speaks of.
    assert volume.project({"config": CONFIGURATION})
    text = running.wait_until(lambda text: len(agent_log.events(text)) > len(before), 10)
    after = agent_log.events(text)
    assert after[: len(before)] == before
    assert after[len(before)].event == "applied"
