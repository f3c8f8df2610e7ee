"""Which cause it is. The first recogniser that answers is right, so each may rely on those before it having said no."""

from collections.abc import Callable

from wayhome.diagnosis.cause import Found
from wayhome.diagnosis.causes.configuration import configuration_not_live
from wayhome.diagnosis.causes.ends import not_running, on_node_overlap
from wayhome.diagnosis.causes.filters import (
    destination_firewall,
    network_policy,
    source_not_allowed,
)
from wayhome.diagnosis.causes.routes import no_forward_route, no_return_route, transitive_peering
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.situation import Situation

RECOGNISERS: tuple[Callable[[Scene], Found | None], ...] = (
    not_running,
    on_node_overlap,
    network_policy,
    configuration_not_live,
    source_not_allowed,
    destination_firewall,
    transitive_peering,
    no_forward_route,
    no_return_route,
)


def find_cause(situation: Situation) -> Found | None:
    """Why the flow is lost; None where it is not, or where it is not known what becomes of it."""
    scene = Scene.of(situation)
    if scene is None:
        return None
    for recognise in RECOGNISERS:
        if found := recognise(scene):
            return found
    raise AssertionError(f"no cause is found for {scene.drop}")
