"""Which cause it is. The first recogniser that answers is right, so each may rely on those before it having said no.

What is lost on its way out for no other reason found no way there, and what is lost on its way home for no other reason
found none back: the last two answer for every drop.
"""

from collections.abc import Callable

from wayhome.diagnosis.cause import Found
from wayhome.diagnosis.causes.configuration import configuration_not_live
from wayhome.diagnosis.causes.doubts import find_doubt
from wayhome.diagnosis.causes.ends import not_running, on_node_overlap
from wayhome.diagnosis.causes.filters import (
    destination_firewall,
    network_policy,
    source_not_allowed,
)
from wayhome.diagnosis.causes.held import held_rules, wrong_interface
from wayhome.diagnosis.causes.routes import no_forward_route, no_return_route, transitive_peering
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.situation import Situation
from wayhome.network import Verdict

RECOGNISERS: tuple[Callable[[Scene], Found | None], ...] = (
    not_running,
    on_node_overlap,
    held_rules,
    wrong_interface,
    network_policy,
    configuration_not_live,
    source_not_allowed,
    destination_firewall,
    transitive_peering,
    no_forward_route,
)


def find_cause(situation: Situation) -> Found | None:
    """Why the flow is lost, or may be at times; None where it is not, or where it is not known what becomes of it."""
    if situation.trace.verdict is Verdict.UNDETERMINED:
        return None
    scene = Scene.of(situation)
    if scene is None:
        return find_doubt(situation)
    for recognise in RECOGNISERS:
        if found := recognise(scene):
            return found
    return no_return_route(scene)
