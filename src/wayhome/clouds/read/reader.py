"""The steps from a directory to an estate, in their order."""

from dataclasses import replace
from pathlib import Path

from wayhome.clouds.collector import paused_collector
from wayhome.clouds.estate import Estate
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.read import references
from wayhome.clouds.read.assemble import tables
from wayhome.clouds.read.completeness import Completeness
from wayhome.clouds.read.file_reader import FileReader
from wayhome.clouds.read.files import read_files
from wayhome.clouds.read.findings import Findings
from wayhome.clouds.read.node_files import NodeFiles, node_of
from wayhome.clouds.read.placement import Placement


def read_estate(directory: Path) -> Estate:
    """Everything that the exports in a directory say. Raises UnreadableDirectoryError."""
    with paused_collector():
        return _read(directory)


def _read(directory: Path) -> Estate:
    findings = Findings()
    reader = FileReader(findings)
    node_files = NodeFiles(findings)
    files = set()
    for file in read_files(directory, findings):
        files.add(file.path)
        if not (node_of(file.path) and node_files.read(file)):
            reader.read(file)
    entries = {entry.file: entry for entry in reader.collected if entry.file}
    placement = Placement(findings, reader.damages, entries)
    placement.place([*reader.loaded, *reader.quoted])
    found, disputed = tables(placement.objects, findings)
    knowledge = Completeness(findings, placement, entries).knowledge(
        reader.listings, reader.damages, reader.collected, frozenset(files)
    )
    estate = Estate(tables=found, knowledge=knowledge, disputed=disputed)

    def name_of_node(name: str, file: str) -> str:
        known = [full for full in estate.all(Node) if full.endswith(f"/k8s/nodes/{name}")]
        clusters = placement.clusters.of(file)
        fitting = [full for full in known if full.partition("/k8s/")[0] in clusters] or known
        return fitting[0] if len(fitting) == 1 else f"{min(clusters)}/k8s/nodes/{name}"

    estate = replace(estate, node_states=node_files.states(name_of_node))
    references.check(estate, findings)
    return replace(estate, findings=findings.all())
