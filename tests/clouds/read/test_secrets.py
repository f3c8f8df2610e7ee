"""Secrets in exports never become values."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.clouds.read.directory import (
    COMPUTE,
    cluster,
    estate_of,
    instance,
    kubernetes,
    listed,
    problems,
)

from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.metadata import KubernetesObject
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.read.kinds import TYPES
from wayhome.clouds.resource import Resource

SECRET = "correct horse battery staple"
_NEVER = {
    "annotations", "clientCertificate", "clientCertificateConfig", "clientKey", "customerEncryptionKey",
    "disks", "env", "envFrom", "managedFields", "masterAuth", "md5AuthenticationKeys", "pairingKey", "password",
    "sharedSecret", "sharedSecretHash", "stringData", "token", "userData",
}  # fmt: skip


def _fields(kind: Any) -> Iterator[tuple[str, type]]:
    """Names of all fields in a type, and in the types of its fields."""
    seen = set()
    to_see = [kind]
    while to_see:
        found = to_see.pop()
        if isinstance(found, type) and issubclass(found, msgspec.Struct) and found not in seen:
            seen.add(found)
            for field in msgspec.structs.fields(found):
                yield field.encode_name, found
                to_see.append(field.type)
        to_see += getattr(found, "__args__", ())


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: str(kind.__name__))
def test_no_resource_names_a_field_that_may_hold_one(kind: type[Resource]) -> None:
    names = {name for name, _ in _fields(kind)}
    assert not names & _NEVER
    if not issubclass(kind, KubernetesObject):
        assert "metadata" not in names  # of instances: keys and scripts


def _values(*roots: Any) -> Iterator[Any]:
    """Everything that is reachable from some objects."""
    seen: set[int] = set()
    to_see = list(roots)
    while to_see:
        one = to_see.pop()
        if id(one) not in seen and not isinstance(one, type):
            seen.add(id(one))
            yield one
            if isinstance(one, msgspec.Struct):  # they are not tracked
                to_see += [getattr(one, name) for name in one.__struct_fields__]
            to_see += gc.get_referents(one)


def test_what_exports_hold_of_them_is_skipped(tmp_path: Path) -> None:
    metadata = {
        "items": [{"key": "ssh-keys", "value": SECRET}, {"key": "kube-env", "value": SECRET}]
    }
    auth = {"username": "admin", "password": SECRET, "clientKey": SECRET}
    container = {
        "name": "c",
        "image": "i",
        "env": [{"name": "TOKEN", "value": SECRET}],
        "args": [SECRET],
    }
    pod = kubernetes("Pod", "a", "d", spec={"containers": [container]})
    pod["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": SECRET}
    files = {
        "i.json": [instance(metadata=metadata)],
        "c.json": [cluster(masterAuth=auth)],
        "t.json": [
            {
                "kind": "compute#vpnTunnel",
                "name": "t",
                "region": f"{COMPUTE}projects/p/regions/r",
                "sharedSecret": SECRET,
            }
        ],
        "k.json": listed(
            pod,
            kubernetes("Secret", "s", "d", data={"x": SECRET}),
            kubernetes("ConfigMap", "kubeconfig", "d", data={"x": SECRET}, binaryData={"y": SECRET}),
        ),
        "kubeconfig.json": kubernetes("Config", "x", users=[{"user": {"token": SECRET}}]),
        "broken.json": b'[{"kind": "compute#instance", "metadata": "' + SECRET.encode() + b'"}]',
    }  # fmt: skip
    estate = estate_of(tmp_path, files)
    assert len(estate.all(Instance)) == len(estate.all(Cluster)) == len(estate.all(Pod)) == 1
    (maps,) = estate.all(ConfigMap).values()
    assert maps.value.data == {"x": None}
    assert maps.value.binary_data == {"y": None}
    found = list(_values(estate))
    assert any(one == "kubeconfig" for one in found)  # the search does find what is there
    for one in found:
        if isinstance(one, str | bytes | msgspec.Raw):
            text = one if isinstance(one, str) else bytes(one).decode("utf-8", "replace")
            assert SECRET not in text
    assert not any(SECRET in problem for problem in problems(estate))


def test_the_configuration_of_an_agent_is_read(tmp_path: Path) -> None:
    text = "nonMasqueradeCIDRs: []\n"
    found = kubernetes("ConfigMap", "ip-masq-agent", "kube-system", data={"config": text})
    estate = estate_of(tmp_path, {"a.json": listed(found)})
    (located,) = estate.all(ConfigMap).values()
    assert located.value.data == {"config": text}
