"""Run one contestant: ``python -m benchmarks.contestants CASE FUNCTION [name=json ...]``.

``benchmarks.contestants_CASE.FUNCTION`` gets the settings, imports and loads what it needs,
and returns what is to be timed. The last line on the standard output is a JSON object with
`seconds`, `ready_seconds` (imports and data, not in `seconds`), `peak_rss_bytes` and
whatever the timed function returned; a `seconds` of its own counts.
"""

import importlib
import json
import resource
import sys
import time


def main(arguments):
    """Run a contestant and print what it did."""
    started = time.perf_counter()
    case, function, *pairs = arguments
    settings = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        settings[name] = json.loads(value)
    module = importlib.import_module(f"benchmarks.contestants_{case}")
    run = getattr(module, function)(**settings)
    ready = time.perf_counter()
    result = run() or {}
    ended = time.perf_counter()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    outcome = {
        "seconds": ended - ready,
        "ready_seconds": ready - started,
        # Linux counts in KiB, macOS in bytes.
        "peak_rss_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        **result,
    }
    print()
    print(json.dumps(outcome))


if __name__ == "__main__":
    main(sys.argv[1:])
