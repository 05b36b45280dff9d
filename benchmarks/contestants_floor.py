"""What the machine can do, and what a network asks of it."""

import time

import numpy as np


def matmul(size):
    """Multiply two matrices of float32 with NumPy, all threads; what it reaches at best."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, size), np.float32) for _ in range(2))
    a @ b

    def run():
        times = []
        for _ in range(15):
            started = time.perf_counter()
            a @ b
            times.append(time.perf_counter() - started)
        return {"flops_per_second": 2 * size**3 / min(times), "samples": times}

    return run


def networks(specs):
    """Count the multiply-adds of networks."""
    from benchmarks.floor import macs
    from skfashion import networks as ours

    def run():
        found = []
        for spec in specs:
            spec = dict(spec)
            model = getattr(ours, spec.pop("network"))(**spec)
            counts = macs(model)
            trained = {layer.name for layer in model.layers if layer.trainable_weights}
            trainable = sum(n for name, n in counts.items() if name in trained)
            found.append({"forward": sum(counts.values()), "trainable": trainable})
        return {"networks": found}

    return run
