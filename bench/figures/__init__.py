"""Every figure, in the order of the table."""

from bench.figure import Figure
from bench.figures import (
    accounting,
    api_memory,
    api_to_kernel,
    audited,
    beside_kube_proxy,
    compiled,
    connections,
    container,
    crowd,
    file_to_kernel,
    foreign_changes,
    foreign_restore,
    idle,
    kills,
    labs,
    memory,
    new_flows,
    one_entry,
    peak_memory,
    restored,
    start,
    traces,
    upstream_flows,
    why,
)

FIGURES: dict[str, Figure] = {
    module.FIGURE.name: module.FIGURE
    for module in (
        new_flows,
        upstream_flows,
        accounting,
        file_to_kernel,
        api_to_kernel,
        one_entry,
        restored,
        beside_kube_proxy,
        peak_memory,
        start,
        memory,
        api_memory,
        idle,
        foreign_changes,
        foreign_restore,
        container,
        connections,
        kills,
        crowd,
        why,
        compiled,
        traces,
        audited,
        labs,
    )
}
