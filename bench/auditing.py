"""In a process of its own: audit a directory of exports, and tell in JSON how long each step took.

`python -m bench.auditing DIR`
"""

import json
import sys
import time
from pathlib import Path

from bench.apart import peak_mib
from wayhome.clouds.read import read_estate
from wayhome.diagnosis.audit.audit import audit


def main() -> None:
    """Measure once: a second audit would find what the first has cached."""
    told: list[tuple[int, int]] = []
    started = time.perf_counter()
    estate = read_estate(Path(sys.argv[1]))
    read = time.perf_counter()
    found = audit(estate, lambda done, of: told.append((done, of)))
    document = {
        "read": read - started,
        "audited": time.perf_counter() - read,
        "all": time.perf_counter() - started,
        "computed": time.process_time(),
        "mib": peak_mib(),
        "ranges": len({(one.cluster, one.node, one.range) for one in found.sources}),
        "parts": found.atoms,
        "classes": found.classes,
        "findings": len(found.findings),
        "progress": len(told),
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
