"""wayhome: a Pod reaches a private network only if the reply finds a way home.

The packages, from the bottom up: `prefixes` (integers, intervals, longest-prefix tables), `policy` (which
destinations keep the Pod's address), `kernel` (a policy as rules that the kernel holds), `probe` (one attempt
to reach something), `agent` (keeps a node's rules as its configuration says), `lab` (the same network out of
namespaces), `cli` (the commands). Imports go one way; `.importlinter` holds that.
"""

__version__ = "0.1.0"
