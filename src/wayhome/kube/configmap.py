"""What a ConfigMap says to an agent. Pure.

    there is one, and it has the key        Text, which may still be a wrong configuration, or empty
    there is one without the key            Wrong: a mistake, and not a removal
    a successful look says there is none    Absent
    the API cannot be asked                 Unknown
    it was asked and has not answered yet   Pending

Which key that is, a canary says (`canary`). The account that this project starts from warns of the second: `--from-file masq.yaml` makes the key `masq.yaml`, and
every agent that reads a file ignores it without a word. In a file's folder that looks as if there were no ConfigMap;
here it can be told apart, and the cure named.

Fields that a ConfigMap does not have are dropped by the API server, so a list that stands outside of `data` leaves an
empty ConfigMap behind; only the annotation of `kubectl apply` still shows what was meant.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from wayhome.kube.canary import candidate_key, key_of_node
from wayhome.kube.objects import Key, Object, ObjectVersion, metadata
from wayhome.policy.findings import Finding, Severity, quote
from wayhome.policy.keys import KEYS
from wayhome.policy.united import pack

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Text:
    """The configuration's text, the key that it stands under, and the objects that it comes from."""

    data: bytes
    key: str
    versions: tuple[ObjectVersion, ...]
    notes: tuple[Finding, ...] = ()
    """Warnings about where it stands."""
    candidate: bool = False
    """It is a canary's, and stands under another key than the configuration of most nodes."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """There is a ConfigMap and no configuration in it; the findings say what to write."""

    findings: tuple[Finding, ...]
    versions: tuple[ObjectVersion, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """There is none; `hint` says how to make one."""

    hint: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It is not known what the API would say; `reason` says why, and what mends it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Pending:
    """Nobody has answered yet, and nothing has failed; `reason` says what is waited for."""

    reason: str


Said = Text | Wrong | Absent | Unknown | Pending


def read_configmap(wanted: Key, item: Object | None, data_key: str, node: str = "") -> Said:
    """What the ConfigMap `wanted` says to `node`; `item` is None where a successful look found none."""
    namespace, name = wanted
    if item is None:
        return Absent(
            f"there is no ConfigMap {namespace}/{name}. Make it with: {_create(wanted, data_key)}"
        )
    versions = (ObjectVersion.of(item),)
    data, binary = _mapping(item.get("data")), _mapping(item.get("binaryData"))
    key, notes = key_of_node(item, {**data, **binary}, data_key, node)
    if isinstance(text := data.get(key), str):
        return Text(text.encode("utf-8", "surrogatepass"), key, versions, notes, key != data_key)
    if isinstance(encoded := binary.get(key), str):
        try:
            decoded = base64.b64decode(encoded, validate=True)
        except ValueError:
            where = f"ConfigMap {'/'.join(wanted)}"
            damaged = _error(where, f"has a damaged binaryData.{key}", f"use data.{key}")
            return Wrong((damaged,), versions)
        return Text(decoded, key, versions, notes, key != data_key)
    finding = _without_key(item, {**data, **binary}, wanted, data_key)
    return Wrong((finding,), versions)


def united(said: Mapping[Key, Said]) -> Said:
    """What several ConfigMaps say together, as Azure's agent unites files: those that are there count.

    Whatever cannot be known makes the whole unknown, and whatever is wrong makes it wrong: half a configuration is
    none. A single one speaks for itself; the text of several is made by policy.united.pack.
    """
    if len(said) == 1:
        return next(iter(said.values()))
    for kind in (Unknown, Pending):
        if first := next((one for one in said.values() if isinstance(one, kind)), None):
            return first
    there = {key: one for key, one in said.items() if isinstance(one, (Text, Wrong))}
    versions = tuple(version for one in there.values() for version in one.versions)
    wrong = [one for one in there.values() if isinstance(one, Wrong)]
    if wrong:
        return Wrong(tuple(finding for one in wrong for finding in one.findings), versions)
    texts = {key: one for key, one in there.items() if isinstance(one, Text)}
    if not texts:
        names = ", ".join("/".join(key) for key in said)
        hint = next((one.hint for one in said.values() if isinstance(one, Absent)), "")
        return Absent(f"none of the ConfigMaps {names} is there; {hint}")
    return Text(
        pack({"/".join(key): one.data for key, one in texts.items()}),
        _keys({"/".join(key): one.key for key, one in texts.items()}),
        versions,
        tuple(
            replace(note, file="/".join(key)) for key, one in texts.items() for note in one.notes
        ),
    )


def _keys(by_name: Mapping[str, str]) -> str:
    """The key of all; where a canary makes them differ, each one's."""
    if len(set(by_name.values())) == 1:
        return next(iter(by_name.values()))
    return ",".join(f"{name}={key}" for name, key in sorted(by_name.items()))


def _without_key(item: Object, found: Mapping[str, object], wanted: Key, data_key: str) -> Finding:
    where = f"ConfigMap {'/'.join(wanted)}"
    applied = f"put the configuration below data.{data_key} as a text: `{data_key}: |`, then its lines, indented"
    ours = [key for key in found if key.casefold() in KEYS]
    if ours:
        return _error(where, f"has {_listed(ours)} directly in data and no key {data_key}", applied)
    others = [key for key in found if key != candidate_key(data_key)]
    if found and not others:
        return _error(
            where,
            f"has the key {_listed(list(found))}, which is for the nodes that a canary names, and not {data_key}",
            f"put the configuration of all others below data.{data_key}",
        )
    if others:
        return _error(
            where,
            f"has the key {_listed(others)} and not {data_key}, so it has no effect (kubectl names a key "
            "after its file)",
            f"make it anew: {_create(wanted, data_key)} --dry-run=client -o yaml | kubectl replace -f -",
        )
    outside = [key for key in _applied(item) if key.casefold() in KEYS or key == data_key]
    if outside:
        return _error(where, f"was applied with {_listed(outside)} outside of data", applied)
    return _error(
        where,
        "holds no data",
        f"{_create(wanted, data_key)} --dry-run=client -o yaml | kubectl replace -f -",
    )


def _applied(item: Object) -> Mapping[str, object]:
    """The top level of what was last given to `kubectl apply`."""
    annotation = _mapping(metadata(item).get("annotations")).get(LAST_APPLIED)
    try:
        return _mapping(json.loads(str(annotation)))
    except (ValueError, RecursionError):
        return {}


def _error(where: str, problem: str, instead: str) -> Finding:
    return Finding(Severity.ERROR, None, f"{where} {problem}", instead)


def _create(wanted: Key, data_key: str) -> str:
    namespace, name = wanted
    return f"kubectl create configmap {name} --from-file={data_key}=FILE --namespace {namespace}"


def _listed(keys: list[str]) -> str:
    shown = ", ".join(quote(key) for key in keys[:3])
    return shown + (", …" if len(keys) > 3 else "")


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
