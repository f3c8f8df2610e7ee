"""Kubernetes objects do not say which cluster they belong to; their nodes and folders do."""

from pathlib import Path

from tests.clouds.read.directory import (
    cluster,
    estate_of,
    instance,
    kubernetes,
    listed,
    node,
    problems,
)

from wayhome.clouds.knowledge import State
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.kubernetes.resources.pod import Pod

PODS = listed(kubernetes("Pod", "a", "d"))


def _clusters(names: object) -> set[str]:
    return {str(name).partition("/k8s/")[0].rpartition("/")[2] for name in list(names)}  # type: ignore[call-overload]


def test_nodes_are_instances_of_a_project_and_place(tmp_path: Path) -> None:
    files = {
        "c.json": [cluster(), cluster(project="q"), cluster("d", zone="y")],
        "k/nodes.json": listed(node("gke-c-1")),
        "k/pods.json": PODS,
    }
    estate = estate_of(tmp_path, files)
    assert list(estate.all(Node)) == ["projects/p/locations/z/clusters/c/k8s/nodes/gke-c-1"]
    assert list(estate.all(Pod)) == ["projects/p/locations/z/clusters/c/k8s/namespaces/d/pods/a"]


def test_a_regional_cluster(tmp_path: Path) -> None:
    regional = cluster(zone="europe-west4")
    files = {"c.json": [regional], "n.json": listed(node("gke-c-1", zone="europe-west4-b"))}
    (name,) = estate_of(tmp_path, files).all(Node)
    assert name.startswith("projects/p/locations/europe-west4/clusters/c/")


def test_clusters_of_one_zone_differ_in_pools_ranges_and_names(tmp_path: Path) -> None:
    pool = cluster("c", nodePools=[{"name": "other"}])
    ranges = cluster("d", clusterIpv4Cidr="172.20.0.0/16")
    found = kubernetes(
        "Node",
        "gke-x",
        spec={"podCIDR": "172.20.1.0/24", "providerID": "gce://p/z/gke-x"},
    )
    found["metadata"]["labels"] = {"cloud.google.com/gke-nodepool": "default-pool"}
    files = {"c.json": [pool, ranges, cluster("e")], "n.json": listed(found)}
    assert _clusters(estate_of(tmp_path / "a", files).all(Node)) == {"d"}
    files = {"c.json": [cluster("c"), cluster("other")], "n.json": listed(node("gke-other-1"))}
    assert _clusters(estate_of(tmp_path / "b", files).all(Node)) == {"other"}


def test_labels_of_the_instance_decide(tmp_path: Path) -> None:
    labels = {"goog-k8s-cluster-name": "e", "goog-k8s-cluster-location": "z"}
    files = {
        "c.json": [cluster("c"), cluster("e")],
        "i.json": [instance("gke-c-1", labels=labels)],
        "n.json": listed(node("gke-c-1")),
    }
    assert _clusters(estate_of(tmp_path, files).all(Node)) == {"e"}


def test_several_clusters_in_folders(tmp_path: Path) -> None:
    files = {
        "c.json": [cluster("one"), cluster("two", zone="y")],
        "k/1/nodes.json": listed(node("gke-one-1")),
        "k/1/pods.json": PODS,
        "k/2/nodes.json": listed(node("gke-two-1", zone="y")),
        "k/2/more/pods.json": PODS,
        "gke_p_x_three/pods.json": PODS,
    }
    estate = estate_of(tmp_path, files)
    assert _clusters(estate.all(Pod)) == {"one", "two", "three"}
    assert not estate.findings


def test_files_that_may_be_of_two_clusters_are_of_none(tmp_path: Path) -> None:
    files = {
        "c.json": [cluster("one"), cluster("two", zone="y")],
        "a.json": listed(node("gke-one-1")),
        "b.json": listed(node("gke-two-1", zone="y")),
        "pods.json": PODS,
    }
    estate = estate_of(tmp_path, files)
    assert not estate.all(Pod)
    assert estate.knows(Pod, "projects/p/locations/z/clusters/one").state is State.DAMAGED
    assert problems(estate) == [
        (
            "pods.json, /items/0: belongs to one of 2 clusters, and nothing says to which; "
            "put each cluster's files into a folder gke_PROJECT_LOCATION_CLUSTER"
        )
    ]


def test_nodes_of_two_clusters_in_one_list(tmp_path: Path) -> None:
    files = {
        "c.json": [cluster("one"), cluster("two", zone="y")],
        "n.json": listed(node("gke-one-1"), node("gke-two-1", zone="y")),
    }
    assert not estate_of(tmp_path, files).all(Node)


def test_a_cluster_that_nothing_names_is_called_by_its_folder(tmp_path: Path) -> None:
    bare = kubernetes("Node", "worker", spec={"podCIDR": "10.244.1.0/24"})
    files = {"home/nodes.json": listed(bare), "home/pods.json": PODS}
    estate = estate_of(tmp_path, files)
    assert list(estate.all(Node)) == ["clusters/home/k8s/nodes/worker"]
    assert list(estate.all(Pod)) == ["clusters/home/k8s/namespaces/d/pods/a"]


def test_the_only_cluster_is_meant_where_nothing_else_says_it(tmp_path: Path) -> None:
    files = {"p/c.json": [cluster()], "k/pods.json": PODS}
    assert _clusters(estate_of(tmp_path, files).all(Pod)) == {"c"}
