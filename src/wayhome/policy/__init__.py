"""Which destinations keep the Pod's address, and everywhere else which packets get the node's.

A configuration file is read (`configuration`) into a `Policy`, which decides about packets, and which is the one
thing that the kernel's rules, the tracer and the explanations are made from. It is never written twice.
"""

from wayhome.policy.configuration import Configuration, Parsed, Settings, parse
from wayhome.policy.findings import Finding, Severity
from wayhome.policy.policy import (
    Action,
    DecidedInterval,
    Decision,
    Entry,
    Origin,
    Packet,
    Policy,
    Reason,
)

__all__ = [
    "Action",
    "Configuration",
    "DecidedInterval",
    "Decision",
    "Entry",
    "Finding",
    "Origin",
    "Packet",
    "Parsed",
    "Policy",
    "Reason",
    "Settings",
    "Severity",
    "parse",
]
