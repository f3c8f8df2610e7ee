"""One setting of one side of a peering: the network with it, and the commands that make and undo it."""

from dataclasses import dataclass

import msgspec

from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.located import Located
from wayhome.diagnosis.gcloud import gcloud
from wayhome.diagnosis.path import Side


@dataclass(frozen=True, slots=True)
class Setting:
    """A field of a peering, and the value that it shall have."""

    side: Side
    field: str
    value: bool | str = True

    @property
    def is_set(self) -> bool:
        """Whether it has that value."""
        return self._now == self.value

    def changed(self) -> Located[Network]:
        """The network with it."""
        peerings = list(self.side.network.value.peerings)
        peerings[self.side.number] = msgspec.structs.replace(
            self.side.peering, **{self.field: self.value}
        )
        value = msgspec.structs.replace(self.side.network.value, peerings=tuple(peerings))
        return Located(value, self.side.network.evidence)

    def command(self, *, undo: bool = False) -> str:
        """A flag, which is taken back by its opposite, or an option, which gets its old value."""
        _, project, *_, name = self.side.network.name.split("/")
        option: dict[str, bool | str]
        if isinstance(self.value, bool):
            option = {f"no_{self.field}" if undo else self.field: True}
        else:
            option = {self.field: str(self._now) if undo else self.value}
        return gcloud(
            "networks", "peerings", "update", self.side.peering.name,
            project=project, network=name, **option,
        )  # fmt: skip

    @property
    def _now(self) -> bool | str:
        found: bool | str = getattr(self.side.peering, self.field)
        return found
