"""Paths of resources lead to what they name, and to nothing else."""

import pytest

from wayhome.kube.errors import NameRefusedError
from wayhome.kube.resources import CONFIG_MAPS, LEASES, NODES


def test_a_path_names_the_object() -> None:
    assert CONFIG_MAPS.path("kube-system", "a.b") == "/api/v1/namespaces/kube-system/configmaps/a.b"
    assert LEASES.path("x") == "/apis/coordination.k8s.io/v1/namespaces/x/leases"
    assert NODES.path("", "n", "status") == "/api/v1/nodes/n/status"
    assert NODES.path("", "a?b c") == "/api/v1/nodes/a%3Fb%20c"


@pytest.mark.parametrize("name", [".", "..", "../x", "a/b", "/"])
def test_no_name_leads_out_of_its_collection(name: str) -> None:
    """A server takes `%2F` for `/`, and a proxy before it resolves `..`."""
    for namespace, called in ((name, "x"), ("x", name)):
        with pytest.raises(NameRefusedError, match="is no name of an object"):
            CONFIG_MAPS.path(namespace, called)
