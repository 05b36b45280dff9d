"""More images than memory: anonymous memory, speed, kills, and files decoded once."""

import tempfile
import time
from functools import partial
from pathlib import Path

import pytest

from benchmarks.harness import Side, finish, start
from benchmarks.requirements import needs


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_memory(bench, where):
    needs("imagenet", "PIL")
    sizes = bench.sizes(
        {"small": 10_000, "middle": 20_000, "large": 40_000},
        {"small": 100, "middle": 200, "large": 300},
    )
    settings = bench.sizes({"side": 224}, {"side": 64})
    title = f"A head on frozen MobileNetV2 0.35 from files, its rows in {where}"
    with bench.record(f"lazy_memory_{where}", title, settings, repeat=1) as record:
        for name, n in sizes.items():
            with tempfile.TemporaryDirectory() as folder:
                given = {"folder": folder} if where == "disk" else {}
                side = Side(name, "memory", private=partial(_given, given))
                record.contest("lazy", [side], n=n)
            decoded = record.last(name)["decoded"]
            record.check(f"{n:,} files decoded once", decoded == n, decoded)
        most = {n: record.last(name)["anonymous_bytes"] for name, n in sizes.items()}
        grown = (most[max(most)] - most[min(most)]) / (max(most) - min(most))
        detail = ", ".join(f"{n:,}: {each / 1e9:.2f} GB" for n, each in most.items())
        record.figure("grown an image", grown / 1e3, unit="KB", at_most=6, detail=detail)
        record.figure("anonymous memory", max(most.values()) / 1e9, unit="GB", at_most=2)
        for n in (100_000, 1_000_000):
            needed = (most[max(most)] + grown * (n - max(most))) / 1e9
            record.figure(f"{n:,} images would need", needed, unit="GB")


def test_speed(bench):
    needs("imagenet", "PIL")
    settings = bench.sizes({"n": 10_000, "side": 224}, {"n": 100, "side": 64})
    title = "A head from files, against image_dataset_from_directory and a bare Keras loop"
    with bench.record("lazy_speed", title, settings, repeat=1) as record:
        record.contest("lazy", [Side("ours"), Side("keras_dataset")])
        ours, keras = record.last("ours"), record.last("keras_dataset")
        for epoch, target in (("first", 1.0), ("later", 20)):
            detail = f"{ours[epoch]:.0f} images/s against {keras[epoch]:.0f}"
            ratio = ours[epoch] / keras[epoch]
            record.figure(f"{epoch} epoch, times as fast", ratio, at_least=target, detail=detail)
        record.check("each file decoded once", ours["decoded"] == settings["n"], ours["decoded"])


def test_conv(bench):
    needs("PIL")
    full = {"n": 60_000, "side": 64, "epochs": 1}
    settings = bench.sizes(full, {"n": 200})
    title = "ConvClassifier from decoded rows in a folder, against the array"
    with bench.record("lazy_conv", title, settings, repeat=1) as record:
        sides = [Side(name, "conv", {"lazy": name == "lazy"}) for name in ("array", "lazy")]
        record.contest("lazy", sides)
        ratio = record.median("lazy") / record.median("array")
        detail = f"{record.median('lazy'):.1f} s against {record.median('array'):.1f} s"
        record.figure("time of an epoch", ratio, at_most=1.15, detail=detail)
        decoded = record.last("lazy")["decoded"]
        record.check("each file decoded once", decoded == settings["n"], decoded)
        same = record.last("lazy")["loss"] == record.last("array")["loss"]
        record.check("the same loss", same)


def test_kill(bench):
    needs("imagenet", "PIL")
    settings = bench.sizes({"n": 10_000, "side": 224}, {"n": 600, "side": 64})
    title = "Killed half way through the pass over the files, run again"
    with bench.record("lazy_kill", title, settings, repeat=1) as record:
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            given = {"folder": str(Path(folder) / "runs"), "log": str(log)}
            side = Side("killed", private=partial(_given, given))
            process = start("lazy", side, settings)
            while len(_lines(log)) < settings["n"] // 2 and process.poll() is None:
                time.sleep(0.05)
            process.kill()
            process.communicate()
            before = _lines(log)
            record.add("lazy", side, finish(start("lazy", side, settings)))
            after = _lines(log)[len(before) :]
        end = before[-1][0]
        again = {name for _, name in before} & {name for _, name in after}
        late = {name for at, name in before if at > end - 5}
        detail = f"{len(before):,} before the kill, {len(after):,} after it"
        record.figure("files decoded twice", len(again), unit="files", detail=detail)
        older = len(again - late)
        record.figure("of them before the last 5 s", older, unit="files", at_most=0)


def test_grid(bench):
    needs("imagenet", "PIL")
    settings = bench.sizes({"n": 50_000, "side": 224}, {"n": 90, "side": 64})
    with bench.record("lazy_grid", "6 heads x 3 folds from files", settings, repeat=1) as record:
        record.contest("lazy", [Side("grid")])
        decoded = record.last("grid")["decoded"]
        record.check("each file decoded once", decoded == settings["n"], f"{decoded:,}")
        record.figure("seconds in all", record.median("grid"), unit="s")


def _given(settings, turn):
    return settings


def _lines(log):
    if not log.exists():
        return []
    pairs = (line.split(" ", 1) for line in log.read_text().splitlines())
    return [(float(at), name) for at, name in pairs]
