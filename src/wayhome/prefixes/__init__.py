"""IP prefixes, disjoint intervals and longest-prefix tables over plain integers, IPv4 and IPv6.

An address is an integer and a family. The standard library's `ipaddress` is ten times slower at what is done here
ten thousand times, and costs the agent memory; the tests check every operation against it.
"""

from wayhome.prefixes.address import Family, format_address, parse_address
from wayhome.prefixes.intervals import Intervals
from wayhome.prefixes.prefix import Prefix, PrefixError
from wayhome.prefixes.table import PrefixTable

__all__ = [
    "Family",
    "Intervals",
    "Prefix",
    "PrefixError",
    "PrefixTable",
    "format_address",
    "parse_address",
]
