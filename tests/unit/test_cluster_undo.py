"""The texts that an operator takes away say exactly what they are to say, whatever the configuration holds."""

import json
import resource
import shlex
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from wayhome.cli.cluster_undo import undo_text
from wayhome.cluster.before import before_of, everywhere
from wayhome.cluster.outcome import Outcome, Result
from wayhome.cluster.undo import manifest, undo_command, undo_patch
from wayhome.kube.objects import Object

KEY = ("kube-system", "ip-masq-agent")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def configmap(data: dict[str, str], **annotations: str) -> Object:
    metadata = {
        "namespace": KEY[0],
        "name": KEY[1],
        "annotations": annotations,
        "resourceVersion": "7",
    }
    return {"metadata": metadata, "data": data}


@given(TEXTS)
def test_the_command_restores_any_text_and_no_terminal_obeys_it(text: str) -> None:
    before = before_of(KEY, "config", configmap({"config": text}))
    command = undo_command(before, (), undo_patch(before))
    assert command.isascii()
    assert command.isprintable()
    *_, patch = shlex.split(command)
    assert json.loads(patch) == {"data": {"config": text}}


@given(TEXTS)
def test_the_patch_for_a_source_says_the_text_exactly(text: str) -> None:
    readable = "".join(c for c in text if c in "\n\t\x85" or (c.isprintable() and c != "\ufeff"))
    found = yaml.safe_load(manifest(KEY, "config", readable))
    assert found["data"] == {"config": readable}
    assert found["metadata"] == {"name": KEY[1], "namespace": KEY[0]}


def test_a_list_stands_in_the_patch_as_it_is_written() -> None:
    text = "nonMasqueradeCIDRs:\n  - 10.0.0.0/8\n\n# end\n"
    assert manifest(KEY, "config", text).endswith(
        "data:\n  config: |\n    nonMasqueradeCIDRs:\n      - 10.0.0.0/8\n\n    # end\n"
    )


def test_without_an_object_before_the_command_removes_it() -> None:
    before = before_of(KEY, "config", None)
    command = undo_command(before, ("--context", "a b"), undo_patch(before))
    assert (
        command == "kubectl --context 'a b' delete configmap ip-masq-agent --namespace kube-system"
    )


def test_what_an_unfinished_run_kept_is_what_is_put_back() -> None:
    item = configmap(
        {"config": "new", "config.previous": "old"}, **{"wayhome/previous": "config.previous"}
    )
    before = before_of(KEY, "config", item)
    assert (before.text, before.now, before.existed, before.lost) == ("old", "new", True, False)
    made = configmap({"config": "new"}, **{"wayhome/previous": "no object"})
    assert not before_of(KEY, "config", made).existed
    shared = configmap({"config": "new", "mine": "x"}, **{"wayhome/previous": "no object"})
    assert before_of(KEY, "config", shared).existed, "somebody has put something else into it"
    damaged = configmap({"config": "new"}, **{"wayhome/previous": "config.previous"})
    assert before_of(KEY, "config", damaged).lost


def said_of(item: Object, data_key: str = "config") -> str:
    before = before_of(KEY, data_key, item)
    return str(before.left)


def test_what_an_unfinished_run_left_is_said_as_it_is() -> None:
    kept = configmap({"masq.yaml": "new", "masq.yaml.previous": "old"}, **{"wayhome/previous": "masq.yaml.previous"})  # fmt: skip
    assert said_of(kept, "masq.yaml").endswith("is kept under masq.yaml.previous")
    assert before_of(KEY, "masq.yaml", kept).text == "old"
    again = everywhere(before_of(KEY, "masq.yaml", kept), "newer", None)
    assert again["metadata"]["annotations"]["wayhome/previous"] == "masq.yaml.previous"
    assert again["data"]["masq.yaml.previous"] == "old"
    large = configmap({"config": "new"}, **{"wayhome/previous": "not kept"})
    assert said_of(large).endswith("was too large to be kept beside it")
    canary = configmap({"masq.yaml.next": "new"}, **{"wayhome/canary-nodes": "a"})
    assert said_of(canary, "masq.yaml").endswith("left its candidate (masq.yaml.next) on a")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("something\u202e", "the annotation wayhome/previous says "),
        ("other.previous", "the annotation wayhome/previous says "),
        ("config.previous", "the key config.previous, which held it, is gone"),
    ],
)
def test_what_is_not_known_of_the_text_before_is_not_said_to_be_its_size(
    said: str, why: str
) -> None:
    item = configmap({"config": "new"}, **{"wayhome/previous": said})
    before = before_of(KEY, "config", item)
    assert before.lost
    assert f"is not known: {why}" in str(before.left)
    assert "\u202e" not in str(before.left)
    annotations = everywhere(before, "newer", None)["metadata"]["annotations"]
    assert annotations["wayhome/previous"] == "not known"


LONG = "# a long text\n" * 1000


def written(folder: Path) -> list[Path]:
    return list(folder.glob("*.undo.json"))


def test_a_long_text_is_in_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = Outcome(result=Result.APPLIED, changed=True)
    before = before_of(KEY, "config", configmap({"config": LONG}))
    for number in (1, 2):
        words = shlex.split(undo_text(before, outcome, ()))
        assert Path(words[words.index("--patch-file") + 1]) in written(tmp_path)
        assert len(written(tmp_path)) == number
    assert {json.loads(file.read_text())["data"]["config"] for file in written(tmp_path)} == {LONG}


def test_where_a_file_does_not_fit_the_command_has_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a full disk has taken of it is no patch, and is not left."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = before_of(KEY, "config", configmap({"config": LONG}))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        command = undo_text(before, Outcome(result=Result.APPLIED, changed=True), ())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    *_, patch = shlex.split(command)
    assert json.loads(patch)["data"]["config"] == LONG
    assert written(tmp_path) == []
