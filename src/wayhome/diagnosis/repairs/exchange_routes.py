"""Exchange custom routes over the peering: the destination's network learns the way to the Pods, and answers them.

Both sides have to want it: the source's side exports and the destination's imports. One flag alone changes nothing, which
the two controls show. Everything is exchanged or nothing: what else the source's network has in custom routes goes with
it, and is named. The cloud refuses an import that collides with a subnet; then the repair does not work, whatever the
replay says.

Source: Google's "VPC Network Peering", options for exchanging static routes, and the interactions with subnet routes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from wayhome.clouds.gcp.derive.exchange import not_exported, not_imported
from wayhome.clouds.gcp.derive.imports import derived_imports
from wayhome.clouds.gcp.derive.ranges import EVERYTHING
from wayhome.clouds.gcp.derive.route import EffectiveRoute
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.gcloud import short
from wayhome.diagnosis.path import Side, networks_at, networks_on_the_way, side
from wayhome.diagnosis.repairs.peering_setting import Setting
from wayhome.diagnosis.repairs.proposal import Changes, NotPossible, Proposal
from wayhome.diagnosis.repairs.terraform import resource
from wayhome.diagnosis.repairs.validity import refused_imports
from wayhome.diagnosis.situation import Situation
from wayhome.network import Address, Missing
from wayhome.prefixes import Prefix
from wayhome.trace import Lost

KIND = "exchange-routes"
MOST_NAMED = 6


def _terraform(flag: Setting) -> str:
    """Both flags of the side, as Terraform wants them."""
    _, project, *_, name = flag.side.network.name.split("/")
    peering = flag.side.peering
    flags = {
        field: field == flag.field or bool(getattr(peering, field))
        for field in ("export_custom_routes", "import_custom_routes")
    }
    return resource(
        "google_compute_network_peering_routes_config", peering.name,
        {"project": project, "network": name, "peering": peering.name, **flags},
    )  # fmt: skip


def exchange_routes(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Exchange custom routes where that brings a route to the destination, or home to the source."""
    for exporter, importer in _pairs(situation):
        exporting = side(situation, exporter, importer)
        importing = side(situation, importer, exporter)
        if exporting is not None and importing is not None:
            yield from _of_pair(situation, exporting, importing)
        elif exporting is not None or importing is not None:
            unknown = importer if importing is None else exporter
            verb = "imports" if importing is None else "exports"
            yield _unknown(unknown, verb)


def _pairs(situation: Situation) -> Iterator[tuple[str, str]]:
    """Who would export to whom: the last network of the way out to where the packet came from, or a peer that knows the way."""
    scene = Scene.of(situation)
    if scene is not None and scene.lost is Lost.FORWARD and scene.vpc is not None:
        here = scene.vpc.name
        routes = situation.routes.networks
        for peering in scene.vpc.value.peerings:
            known = routes.get(peering.network)
            if known is not None and _any_holds(known.custom, scene.towards):
                yield peering.network, here
    networks = networks_on_the_way(situation)
    if len(networks) > 1:
        yield networks[-2], networks[-1]
        return
    # It did not get that far: what stops it may be mended too, and then the reply needs a route.
    for here in networks or networks_at(situation, situation.asked.source.node):
        for owner in situation.network.owners(situation.asked.flow.destination):
            for there in networks_at(situation, owner.name):
                if there != here:
                    yield here, there


def _any_holds(routes: Iterable[EffectiveRoute], address: Address) -> bool:
    return any(
        route.destination.contains(address.family, address.value)
        for route in routes
        if route.destination not in EVERYTHING
    )


def _unknown(network: str, verb: str) -> NotPossible:
    _, project, *_ = network.split("/")
    missing = Missing(
        f"the peerings of {network}",
        f"gcloud compute networks list --project={project} --format=json",
    )
    return NotPossible(KIND, f"whether {network} {verb} custom routes is not known", missing)


def _of_pair(
    situation: Situation, exporting: Side, importing: Side
) -> Iterator[Proposal | NotPossible]:
    flags = (
        Setting(exporting, "export_custom_routes"),
        Setting(importing, "import_custom_routes"),
    )
    missing = tuple(flag for flag in flags if not flag.is_set)
    wanted = (situation.trace.shown.result.packet.source, situation.asked.flow.destination)
    learnt = _learnt(situation, *flags)
    if not any(p.contains(one.family, one.value) for p in learnt for one in wanted):
        yield from _kept_back(situation, *flags)
        return
    both = _proposal(KIND, missing)
    importer = importing.network.name
    yield replace(
        both,
        notes=tuple(_notes(situation, importer, learnt)),
        advantage="keeps the source's addresses and overlaps nothing, so it may be the better way",
        refused=tuple(refused_imports(situation.estate, importer, learnt)),
    )
    if len(missing) == 2:
        yield replace(_proposal("export-only", missing[:1]), control=True)
        yield replace(_proposal("import-only", missing[1:]), control=True)


def _kept_back(
    situation: Situation, exporting: Setting, importing: Setting
) -> Iterator[NotPossible]:
    """The exporter's routes to the source that no flag would bring over, the most specific first."""
    source = situation.trace.shown.result.packet.source
    exporter, importer = exporting.changed(), importing.changed()
    peerings = (
        exporter.value.peerings[exporting.side.number],
        importer.value.peerings[importing.side.number],
    )
    own = [
        route
        for route in situation.routes.networks[exporter.name].custom
        if route.destination not in EVERYTHING
        and route.destination.contains(source.family, source.value)
    ]
    for route in sorted(own, key=lambda route: -route.destination.length):
        why = not_exported(route, peerings[0]) or not_imported(route, peerings[1])
        if why:
            name = route.evidence[0].object
            yield NotPossible(KIND, f"{name}, the route to {route.destination}: {why}")


def _proposal(kind: str, flags: tuple[Setting, ...]) -> Proposal:
    sides = " and ".join(
        f"{short(flag.side.network.name)} {flag.field.partition('_')[0]}s them" for flag in flags
    )
    return Proposal(
        kind=kind,
        summary=f"custom routes over the peering: {sides}",
        changes=Changes(changed=tuple(flag.changed() for flag in flags)),
        commands=tuple(flag.command() for flag in flags),
        undo=tuple(flag.command(undo=True) for flag in reversed(flags)),
        terraform="\n".join(_terraform(flag) for flag in flags),
    )


def _notes(situation: Situation, importer: str, learnt: list[Prefix]) -> Iterator[str]:
    """What else goes over the peering: everything or nothing is exchanged."""
    source = situation.trace.shown.result.packet.source
    others = [p for p in learnt if not p.contains(source.family, source.value)]
    if others:
        shown = ", ".join(map(str, others[:MOST_NAMED]))
        more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        yield f"{short(importer)} then also has routes to {shown}{more}"


def _learnt(situation: Situation, exporting: Setting, importing: Setting) -> list[Prefix]:
    """The destinations that the importer gets by both flags: no other network gets any."""
    networks = situation.routes.networks
    importer, exporter = importing.changed(), exporting.changed()
    here, there = networks[importer.name], networks[exporter.name]
    known = {(route.destination, route.next_hop) for route in here.peer_custom}
    imports = derived_imports(importer, importing.side.number, exporter, there.custom)
    new = [one.destination for one in imports if (one.destination, one.next_hop) not in known]
    return list(dict.fromkeys(new))
