"""The cases of the corpus: how a case's exports are made from others, and what is held against its answer."""

import json
import shutil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/case.json"))

Json = Any


def exports_of(case: Json, folder: Path, directory: Path) -> Path:
    """Make the case's exports below `directory`."""
    target = directory / "exports"
    shutil.copytree(ROOT / case["from"] if "from" in case else folder / "exports", target)
    for change in case.get("changes", ()):
        _change(target / change["file"], change)
    return target


def golden(name: str, directory: Path) -> Path:
    """Make a case's exports by its name."""
    folder = Path(__file__).parent / name
    return exports_of(json.loads((folder / "case.json").read_text()), folder, directory)


def _change(file: Path, change: Json) -> None:
    if "at" not in change:
        if change.get("gone"):
            file.unlink()
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        holds = change["holds"]
        file.write_text(holds if isinstance(holds, str) else json.dumps(holds, indent=2))
        return
    document = json.loads(file.read_text())
    *path, last = [part.replace("~1", "/") for part in change["at"].split("/")[1:]]
    place = document
    for part in path:
        place = place[int(part) if isinstance(place, list) else part]
    key: Any = int(last) if isinstance(place, list) else last
    if change.get("gone"):
        del place[key]
    elif "add" in change:
        place.setdefault(key, []).append(change["add"]) if isinstance(place, dict) else place[
            key
        ].append(change["add"])
    else:
        place[key] = change["to"]
    file.write_text(json.dumps(document, indent=2))


def differences(expect: Json, answer: Json) -> list[str]:
    """What the answer says otherwise than expected, one sentence each."""
    found = [
        f"{key} is {answer[key]!r} and not {expect[key]!r}"
        for key in ("verdict", "cause", "drop", "lost", "reverse", "likely", "likely_cause")
        if key in expect and answer[key] != expect[key]
    ]
    for key in ("deciding", "missing", "notes", "unexamined", "assumptions", "because", "unless"):
        text = json.dumps(answer[key])
        found += [f"{key} does not say {w!r}: {text}" for w in expect.get(key, ()) if w not in text]
    works: dict[str, bool] = {}
    for repair in answer["repairs"]:
        works[repair["kind"]] = works.get(repair["kind"], False) or repair["works"]
    for kind, expected in expect.get("repairs", {}).items():
        if works.get(kind) is not expected:
            found.append(f"the repair {kind} works: {works.get(kind)} and not {expected}")
    reasons = {one["kind"] for one in answer["not_possible"]}
    found += [f"no reason against {k}" for k in expect.get("not_possible", ()) if k not in reasons]
    found += [f"{kind} is offered" for kind in expect.get("not_repairs", ()) if kind in works]
    steps = [
        step["kind"]
        for way in ("forward", "reply")
        for hop in answer[way]["hops"]
        for step in hop["steps"]
    ]
    found += [f"no step {kind}" for kind in expect.get("steps", ()) if kind not in steps]
    return found
