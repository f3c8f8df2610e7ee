"""Azure's configuration: several files of a folder, merged.

The cloud keeps one of them and the cluster's owner another, so neither overwrites the other's. As Azure's agent
(ip-masq-agent-v2) reads them: the lists are united, a switch is on if any file turns it on, and where there is any
file at all the default list is gone, also if no file has a list. `cidrLimit` and `resyncInterval` are no keys of
theirs; the limit is 64 ranges for each file.

Azure's agent ends at the first bad file. Here all files are read, everything that is wrong with them is said, with
the file's name, and the last good configuration stays.

Source: Azure/ip-masq-agent-v2, cmd/ip-masq-agent-v2, syncConfig() and merge().
"""

from wayhome.policy.configuration import Configuration, Parsed, Settings
from wayhome.policy.file_format import FileFormat
from wayhome.policy.keys import KEYS
from wayhome.policy.united import all_are_empty, pack, parse_united

FILE_LIMIT = 64
"""Ranges in one file."""
_THEIR_KEYS = {
    folded: key for folded, key in KEYS.items() if key not in ("cidrLimit", "resyncInterval")
}


def parse_fragments(data: bytes, settings: Settings) -> Parsed:
    """Read the files. Never raises for what they hold."""
    return parse_united(
        data,
        settings,
        keys=_THEIR_KEYS,
        default_ranges=(),
        limits=lambda _: (60.0, FILE_LIMIT),
        remembered="the files of Azure's dialect",
    )


def _empty(settings: Settings) -> Configuration:
    """Files that say nothing leave no list: everything but link-local is masqueraded."""
    parsed = parse_fragments(pack({"": b""}), settings)
    assert parsed.configuration is not None  # noqa: S101  # an empty file has no errors
    return parsed.configuration


AZURE = FileFormat(parse_fragments, all_are_empty, _empty)
