"""A process that commits transactions to a table of its own, as many a second as it is told, until it is killed.

    python -m bench.foreign_writer RATE

Each adds or removes one element of a set. The first line on standard output says that it has begun.
"""

import subprocess
import sys
import time

from bench.watch import NFT_MSG_DELSETELEM, NFT_MSG_NEWSETELEM, element
from wayhome.kernel.nfnetlink import Channel, Message

NLM_F_CREATE = 0x400
SET = "addresses"
TABLE = "foreign"


def main() -> None:
    """Write."""
    rate = float(sys.argv[1])
    table = f"add table inet {TABLE}\nadd set inet {TABLE} {SET} {{ type ipv4_addr; }}\n"
    subprocess.run(["nft", "-f", "-"], input=table, text=True, check=True)
    payload = element(TABLE, SET, "192.0.2.1")
    changes = (
        Message(NFT_MSG_NEWSETELEM, payload, "add", NLM_F_CREATE),
        Message(NFT_MSG_DELSETELEM, payload, "remove"),
    )
    channel = Channel()
    print("writing", flush=True)
    started, made = time.monotonic(), 0
    while True:
        for change in changes:
            channel.commit([change])
            made += 1
            time.sleep(max(0.0, started + made / rate - time.monotonic()))


if __name__ == "__main__":
    main()
