"""What the node holds, by what its configuration's source says. Pure; time is an argument.

| the source                                       | the node holds                                              |
| ------------------------------------------------ | ----------------------------------------------------------- |
| never configured, nothing remembered             | upstream's defaults                                         |
| a valid configuration                            | that                                                        |
| cannot be read, or has not answered yet          | the last good one, else the defaults                        |
| present and wrong, or empty where it was not     | the last good one, else the defaults; rejected              |
| removed: a successful look says that it is gone  | the last good one for 10 s, then the defaults and forgotten |

The 10 s are for `kubectl replace --force` and for Helm's delete and create: upstream's agent is slow enough not to
notice those, and what its slowness hid must not become an outage. Of several ConfigMaps each one has these 10 s. A zero-length file is a configuration only on a
node that never had one: then it means the defaults, as upstream; otherwise it is a file that somebody has begun to
write, or has lost.
"""

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wayhome.agent.reading import Missing, Pending, Present, Reading, Unreadable, Wrong
from wayhome.policy import Configuration, Finding, Settings, Severity
from wayhome.policy.configuration import defaults
from wayhome.policy.file_format import UPSTREAM, FileFormat

if TYPE_CHECKING:
    from wayhome.kube.objects import ObjectVersion

GRACE = 10.0
"""Seconds for which a removed configuration still holds."""

EMPTIED = Finding(
    Severity.ERROR,
    None,
    "the configuration is empty, and it was not before",
    "write `{}` for upstream's defaults, or remove it",
)


class Basis(enum.Enum):
    """What the configuration that the node holds stands on."""

    DEFAULTS = "defaults"
    CONFIGURATION = "configuration"
    LAST_GOOD = "last good configuration"


@dataclass(frozen=True, slots=True)
class Held:
    """What the node is to hold, and what is to be said about it."""

    configuration: Configuration
    basis: Basis
    data: bytes | None = None
    """The text behind it, which a restart must find again; None for the defaults."""
    rejected: tuple[Finding, ...] = ()
    """The errors of what the source holds now and the node does not."""
    warnings: tuple[Finding, ...] = ()
    note: str = ""
    """Why the source says nothing: the hint of a missing file, or the reason of an unreadable one."""
    unreadable: bool = False
    """It is not known what the source says."""
    awaited: bool = False
    """It is not known yet: the source was asked and has not answered."""
    until: float | None = None
    """When a removed configuration stops to hold, by the clock that `observe` is given."""
    version: str = ""
    """The version of the object that `configuration` comes from; empty for the defaults, a file, and where it is not known."""
    key: str = ""
    """The object's key that it stands under, likewise."""
    seen: str = ""
    """The newest version that was read, whether it is held or not; empty where there is no object."""
    objects: "tuple[ObjectVersion, ...]" = ()
    """The objects that `seen` is about."""

    @property
    def unversioned(self) -> "Held":
        """The same without versions: for whoever is only told of what is new in substance."""
        return replace(self, version="", key="", seen="", objects=())


class Holding:
    """Remembers the last good configuration and decides, reading by reading, what the node holds."""

    def __init__(
        self,
        settings: Settings,
        remembered: bytes | None = None,
        file_format: FileFormat = UPSTREAM,
    ) -> None:
        """`remembered`: the last good configuration of an earlier process; ignored if it is good no more."""
        self._settings = settings
        self._format = file_format
        self._data: bytes | None = None
        self._good: Configuration | None = None
        self._version = self._key = ""
        self._seen: Present | Wrong | None = None
        self._missing_since: float | None = None
        self._keep(remembered)

    def resettle(self, settings: Settings) -> None:
        """The flags mean something else from here on, for the last good configuration too."""
        self._settings = settings
        self._keep(self._data)

    def _keep(self, data: bytes | None) -> None:
        """Take a text for the last good one, if it is good."""
        parsed = self._format.parse(data, self._settings) if data is not None else None
        self._good = parsed.configuration if parsed else None
        self._data = data if self._good else None

    @property
    def has_one(self) -> bool:
        """Whether there is a good configuration, of now or remembered."""
        return self._good is not None

    def observe(self, reading: Reading, now: float) -> Held:
        """Decide what the node holds after this reading. `now`: seconds of a clock that does not jump."""
        if isinstance(reading, Missing):
            return self._missing(reading, now)
        if isinstance(reading, Present) and (gone := self._taken_away(reading)):
            until = self._grace(now)
            if now < until:
                self._seen = reading
                return self._last_good(note=f"{', '.join(sorted(gone))} is gone", until=until)
        self._missing_since = None
        if isinstance(reading, Unreadable):
            return self._last_good(note=reading.reason, unreadable=True)
        if isinstance(reading, Pending):
            return replace(self._last_good(note=reading.reason), awaited=True)
        self._seen = reading
        if isinstance(reading, Wrong):
            return self._last_good(rejected=reading.findings)
        return self._present(reading)

    def _present(self, reading: Present) -> Held:
        if self._format.is_empty(reading.data):
            if self._good:
                return self._last_good(_about(reading, (EMPTIED,)), reading.notes)
            meant = self._format.empty(self._settings)
            note = "the configuration is empty"
            return self._held(meant, Basis.DEFAULTS, warnings=reading.notes, note=note)
        parsed = self._format.parse(reading.data, self._settings)
        warnings = (*reading.notes, *_about(reading, parsed.warnings))
        if parsed.configuration is None:
            return self._last_good(_about(reading, parsed.errors), warnings)
        self._good, self._data = parsed.configuration, reading.data
        self._version, self._key = reading.version, reading.key
        return self._held(self._good, Basis.CONFIGURATION, warnings=warnings)

    def _taken_away(self, reading: Present) -> frozenset[str]:
        """Which parts of the last good configuration this one lacks."""
        if self._data is None:
            return frozenset()
        return self._format.parts(self._data) - self._format.parts(reading.data)

    def _grace(self, now: float) -> float:
        """When what is missing since now, or since before, stops to hold."""
        if self._missing_since is None:
            self._missing_since = now
        return self._missing_since + GRACE

    def _missing(self, reading: Missing, now: float) -> Held:
        self._seen = None
        until = self._grace(now)
        if self._good and now < until:
            return self._last_good(note=reading.hint, until=until)
        self._good = self._data = None
        self._version = self._key = ""
        return self._held(defaults(self._settings), Basis.DEFAULTS, note=reading.hint)

    def _last_good(
        self,
        rejected: tuple[Finding, ...] = (),
        warnings: tuple[Finding, ...] = (),
        note: str = "",
        until: float | None = None,
        *,
        unreadable: bool = False,
    ) -> Held:
        configuration, basis = self._good, Basis.LAST_GOOD
        if configuration is None:
            configuration, basis = defaults(self._settings), Basis.DEFAULTS
        held = self._held(configuration, basis, rejected, warnings, note)
        return replace(held, unreadable=unreadable, until=until)

    def _held(
        self,
        configuration: Configuration,
        basis: Basis,
        rejected: tuple[Finding, ...] = (),
        warnings: tuple[Finding, ...] = (),
        note: str = "",
    ) -> Held:
        """With the text and the versions behind it, as they are remembered."""
        return Held(
            configuration,
            basis,
            self._data,
            rejected,
            warnings,
            note,
            version=self._version,
            key=self._key,
            seen=self._seen.version if self._seen else "",
            objects=self._seen.objects if self._seen else (),
        )


def _about(reading: Present, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings, with the key that the text stands under where it is another one than most nodes read."""
    if not reading.candidate:
        return findings
    return tuple(replace(one, file=one.file or reading.key) for one in findings)
