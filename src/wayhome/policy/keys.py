"""The keys of the configuration file, in any case, and the one that a misspelt key was probably meant to be."""

KEYS = {
    name.casefold(): name
    for name in (
        "nonMasqueradeCIDRs",
        "masqueradeCIDRs",
        "cidrLimit",
        "masqLinkLocal",
        "masqLinkLocalIPv6",
        "resyncInterval",
    )
}
"""Each key by its case-folded name: Go's encoding/json compares names without case."""


def closest_key(name: str) -> str | None:
    """The known key that a name resembles most; None where it resembles none."""
    import difflib  # noqa: PLC0415  # a quarter of a mebibyte, which an agent without misspelt keys never pays

    # Long names are no misspelling, and comparing them would take time that their author chooses.
    folded = name[:64].casefold().replace("-", "").replace("_", "")
    found = difflib.get_close_matches(folded, KEYS, n=1, cutoff=0.7)
    return KEYS[found[0]] if found else None
