"""Exchange the subnet routes that a peering keeps back: IPv6 ones, and those of privately used public ranges.

Private IPv4 ranges are always exchanged. IPv6 ranges are where both sides are of the stack IPV4_IPV6; public ranges where
one side exports them, as it does by default, and the other imports them, as it does not. One side alone changes nothing
where both have to: a control shows it.

Source: Google's "VPC Network Peering", options for exchanging subnet routes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from wayhome.clouds.gcp.derive.exchange import ACTIVE, not_exported, not_imported
from wayhome.clouds.gcp.derive.route import EffectiveRoute
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.gcloud import short
from wayhome.diagnosis.path import Side, side
from wayhome.diagnosis.repairs.peering_setting import Setting
from wayhome.diagnosis.repairs.proposal import Changes, NotPossible, Proposal
from wayhome.diagnosis.situation import Situation
from wayhome.prefixes import Family

KIND = "exchange-subnets"
BOTH_STACKS = "IPV4_IPV6"


def exchange_subnets(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Let the subnet's route over the peering that keeps it back."""
    scene = Scene.of(situation)
    if scene is None or scene.vpc is None:
        return
    for number, peering in enumerate(scene.vpc.value.peerings):
        importing = Side(scene.vpc, number)
        exporting = side(situation, peering.network, scene.vpc.name)
        if exporting is None or ACTIVE not in (peering.state, exporting.peering.state):
            continue
        for route in _kept_back(situation, scene, exporting, importing):
            settings = [one for one in _settings(route, exporting, importing) if not one.is_set]
            if not settings:
                why = not_exported(route, exporting.peering) or not_imported(route, peering)
                yield NotPossible(KIND, f"{route.destination} of {short(exporting.network.name)}: {why}")  # fmt: skip
                continue
            yield _proposal(route, settings)
            if len(settings) > 1:
                one_side = replace(_proposal(route, settings[:1]), kind="one-side-only")
                yield replace(one_side, control=True)


def _kept_back(
    situation: Situation, scene: Scene, exporting: Side, importing: Side
) -> Iterator[EffectiveRoute]:
    """The exporter's subnet routes to where the packet was going."""
    towards = scene.towards
    for route in situation.routes.networks[exporting.network.name].subnets:
        if route.destination.contains(*towards) and (
            not_exported(route, exporting.peering) or not_imported(route, importing.peering)
        ):
            yield route


def _settings(route: EffectiveRoute, exporting: Side, importing: Side) -> tuple[Setting, ...]:
    if route.destination.family is Family.IPV6:
        return tuple(Setting(one, "stack_type", BOTH_STACKS) for one in (exporting, importing))
    return (
        Setting(exporting, "export_subnet_routes_with_public_ip"),
        Setting(importing, "import_subnet_routes_with_public_ip"),
    )


def _proposal(route: EffectiveRoute, settings: Sequence[Setting]) -> Proposal:
    sides = " and ".join(
        f"{short(one.side.network.name)}'s side of the peering gets {one.field.replace('_', ' ')}"
        f"{'' if one.value is True else f' {one.value}'}"
        for one in settings
    )
    return Proposal(
        kind=KIND,
        summary=f"{route.destination} goes over the peering: {sides}",
        changes=Changes(changed=tuple(one.changed() for one in settings)),
        commands=tuple(one.command() for one in settings),
        undo=tuple(one.command(undo=True) for one in reversed(settings)),
        notes=("all subnets of that sort are exchanged, and not this one alone",),
    )
