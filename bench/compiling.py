"""In a process of its own: read a directory of exports, compile it, and tell in JSON how long each step took.

`python -m bench.compiling DIR`
"""

import json
import sys
import time
from pathlib import Path

from bench.apart import peak_mib
from wayhome.clouds.compile import compile_estate
from wayhome.clouds.gcp.derive.effective import effective_routes
from wayhome.clouds.read import read_estate


def main() -> None:
    """Measure once: a second reading would find what the first has cached."""
    times = [time.perf_counter()]
    estate = read_estate(Path(sys.argv[1]))
    times.append(time.perf_counter())
    routes = effective_routes(estate)
    times.append(time.perf_counter())
    network = compile_estate(estate, routes)
    times.append(time.perf_counter())
    document = {
        "read": times[1] - times[0],
        "derived": times[2] - times[1],
        "compiled": times[3] - times[2],
        "all": times[3] - times[0],
        "computed": time.process_time(),
        "mib": peak_mib(),
        "routes": sum(1 for item in routes.networks.values() for _ in item),
        "nodes": len(network.nodes),
        "findings": len(estate.findings),
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
