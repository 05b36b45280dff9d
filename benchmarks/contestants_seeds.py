"""Run one gallery script with one seed: ``python -m benchmarks.contestants_seeds NAME SEED``.

With a folder as a third argument its pictures are kept there.

The script itself is what is measured, in a process of its own; the last line printed is its
``figures`` as JSON. ``SKFASHION_GALLERY=full`` asks for real images, as for any reader.
"""

import json
import os
import resource
import runpy
import sys
import time

from benchmarks.seeds import ROWS, pictures_of


def main(name, seed, pictures=None):
    """Run the script of a row, keep its pictures and print what it found."""
    os.environ["SKFASHION_SEED"] = seed
    started = time.perf_counter()
    names = runpy.run_path(str(ROWS[name].script), run_name="__main__")
    found = {
        "seconds": time.perf_counter() - started,
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "figures": {key: float(value) for key, value in names["figures"].items()},
        "chosen": {key: _plain(value) for key, value in names.get("chosen", {}).items()},
    }
    if pictures is not None:
        _draw(name, pictures)
    print(json.dumps(found))


def _draw(name, folder):
    import matplotlib.pyplot as plt

    os.makedirs(folder, exist_ok=True)
    for number, path in zip(ROWS[name].pictures, pictures_of(name, folder), strict=True):
        plt.figure(number).savefig(path, dpi=80, bbox_inches="tight", metadata={"Software": None})


def _plain(value):
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, (int, float, str, bool, type(None))) else repr(value)


if __name__ == "__main__":
    main(*sys.argv[1:])
