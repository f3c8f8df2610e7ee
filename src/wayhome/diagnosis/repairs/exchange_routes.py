"""Exchange custom routes over the peering: the destination's network learns the way to the Pods, and answers them.

Both sides have to want it: the source's side exports and the destination's imports. One flag alone changes nothing, which
the two controls show. Everything is exchanged or nothing: what else the source's network has in custom routes goes with
it, and is named. The cloud refuses an import that collides with a subnet; then the repair does not work, whatever the
replay says.

Source: Google's "VPC Network Peering", options for exchanging static routes, and the interactions with subnet routes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from wayhome.clouds.gcp.derive.effective import effective_routes
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.located import Located
from wayhome.diagnosis.repairs.gcloud import gcloud
from wayhome.diagnosis.repairs.path import Side, networks_on_the_way, side
from wayhome.diagnosis.repairs.proposal import Changes, NotPossible, Proposal
from wayhome.diagnosis.repairs.ranges import ranges_of_subnet
from wayhome.diagnosis.repairs.terraform import resource
from wayhome.diagnosis.situation import Situation
from wayhome.network import Missing
from wayhome.prefixes import Prefix

KIND = "exchange-routes"
MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class _Flag:
    """One flag to be set on one side."""

    side: Side
    field: str

    @property
    def is_set(self) -> bool:
        return bool(getattr(self.side.peering, self.field))

    def changed(self) -> Located[Network]:
        peerings = list(self.side.network.value.peerings)
        peerings[self.side.number] = msgspec.structs.replace(
            peerings[self.side.number], **{self.field: True}
        )
        value = msgspec.structs.replace(self.side.network.value, peerings=tuple(peerings))
        return Located(value, self.side.network.evidence)

    def command(self, *, on: bool = True) -> str:
        _, project, *_, name = self.side.network.name.split("/")
        flag = self.field if on else f"no_{self.field}"
        return gcloud(
            "networks", "peerings", "update", self.side.peering.name,
            project=project, network=name, **{flag: True},
        )  # fmt: skip

    def terraform(self) -> str:
        """Both flags of the side, as Terraform wants them."""
        _, project, *_, name = self.side.network.name.split("/")
        flags = {
            field: field == self.field or bool(getattr(self.side.peering, field))
            for field in ("export_custom_routes", "import_custom_routes")
        }
        return resource(
            "google_compute_network_peering_routes_config", self.side.peering.name,
            {"project": project, "network": name, "peering": self.side.peering.name, **flags},
        )  # fmt: skip


def exchange_routes(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Exchange custom routes between the last two networks of the way out."""
    networks = networks_on_the_way(situation)
    if len(networks) < 2:
        return
    source, destination = networks[-2:]
    exporting, importing = (
        side(situation, source, destination),
        side(situation, destination, source),
    )
    if exporting is None:
        return
    if importing is None:
        _, project, *_ = destination.split("/")
        yield NotPossible(
            KIND,
            f"whether {destination} imports custom routes is not known",
            Missing(
                f"the peerings of {destination}",
                f"gcloud compute networks list --project={project} --format=json",
            ),
        )
        return
    flags = (
        _Flag(exporting, "export_custom_routes"),
        _Flag(importing, "import_custom_routes"),
    )
    missing = tuple(flag for flag in flags if not flag.is_set)
    if not missing:
        return
    yield _proposal(situation, KIND, missing)
    if len(missing) == 2:
        yield _proposal(situation, "export-only", missing[:1], control=True)
        yield _proposal(situation, "import-only", missing[1:], control=True)


def _proposal(
    situation: Situation, kind: str, flags: tuple[_Flag, ...], *, control: bool = False
) -> Proposal:
    changes = Changes(changed=tuple(flag.changed() for flag in flags))
    sides = " and ".join(
        f"{_short(flag.side.network.name)} {flag.field.partition('_')[0]}s them" for flag in flags
    )
    return Proposal(
        kind=kind,
        summary=f"custom routes over the peering: {sides}",
        changes=changes,
        commands=tuple(flag.command() for flag in flags),
        undo=tuple(flag.command(on=False) for flag in reversed(flags)),
        terraform="\n".join(flag.terraform() for flag in flags),
        notes=() if control else tuple(_leaks(situation, changes)),
        refused=tuple(_collisions(situation, changes)),
        control=control,
    )


def _leaks(situation: Situation, changes: Changes) -> Iterator[str]:
    """What else goes over the peering: everything or nothing is exchanged."""
    source = situation.trace.shown.result.packet.source
    for network, prefixes in _learnt(situation, changes).items():
        others = [p for p in prefixes if not p.contains(source.family, source.value)]
        if others:
            shown = ", ".join(map(str, others[:MOST_NAMED]))
            more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
            yield f"{_short(network)} then also has routes to {shown}{more}"


def _collisions(situation: Situation, changes: Changes) -> Iterator[str]:
    """Imported static routes must not be, or lie in, a subnet of the importer."""
    for network, prefixes in _learnt(situation, changes).items():
        subnets = [
            (prefix, subnet.name)
            for subnet in situation.estate.of(Subnetwork, network)
            for prefix in ranges_of_subnet(subnet.value)
        ]
        for learnt in prefixes:
            for prefix, name in subnets:
                if prefix.holds(learnt):
                    yield f"the cloud refuses to import {learnt}: it lies in {prefix} of {name}"


def _learnt(situation: Situation, changes: Changes) -> dict[str, list[Prefix]]:
    """The custom routes that networks get by the change, by network."""
    before = effective_routes(situation.estate)
    after = effective_routes(changes.applied_to(situation.estate))
    found = {}
    for name, routes in after.networks.items():
        known = {(route.destination, route.next_hop) for route in before.networks[name].peer_custom}
        new = [
            r.destination for r in routes.peer_custom if (r.destination, r.next_hop) not in known
        ]
        if new:
            found[name] = list(dict.fromkeys(new))
    return found


def _short(name: str) -> str:
    return name.rpartition("/")[2]
