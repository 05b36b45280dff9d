"""Measure exported files on 1,000 test images of each data set: ``python -m benchmarks.export``.

Each model is trained for a few minutes at most and written in every format; each file is run by
its own runtime, in one thread, one image a call. What counts is the time of the processor, so that
others at work make little difference. Kept in ``results/export.json``; the table is printed for
docs/guide/serving.md.
"""

import json
import os
import sys
import tempfile
import time
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

import numpy as np

from benchmarks import data
from benchmarks.harness import machine, versions

RECORD = Path(__file__).parent / "results" / "export.json"
FORMATS = ("model.keras", "folder", "model.onnx", "model.tflite", "int8.tflite")
PACKAGES = ("ai-edge-litert", "onnxruntime", "tf2onnx")
N_TEST, N_TIMED, N_SAMPLE = 1000, 200, 300


def models():
    """Yield a name, a fitted model, training images, test images and their labels."""
    from sklearn.pipeline import make_pipeline

    from skfashion import ConvClassifier, DenseClassifier, MobileNetFineTuner
    from skfashion.preprocessing import ImageReader

    X, y = data.fashion(10_000)
    X_test, y_test = data.fashion(N_TEST, part="t10k")
    dense = DenseClassifier((256, 128), dropout=0.2, epochs=5, random_state=0)
    yield "dense, Fashion-MNIST", dense.fit(X, y), X, X_test, y_test
    conv = ConvClassifier((32, 64), augmentation="flip", epochs=3, random_state=0)
    yield (
        "conv, Fashion-MNIST, mirrored",
        conv.set_params(test_time_flip=True).fit(X[:4000], y[:4000]),
        X,
        X_test,
        y_test,
    )
    for name, n in (("intel-scenes", 600), ("cats-vs-dogs", 600)):
        X, y = data.files(name, n)
        X_test, y_test = data.files(name, N_TEST, part="test")
        if len(X_test) < N_TEST - n // 100:  # cats and dogs: and of those not trained on
            more, labels = data.files(name, 2000)
            unseen = np.flatnonzero(~np.isin(more, X))[: N_TEST - len(X_test)]
            X_test = np.concatenate([X_test, more[unseen]])
            y_test = np.concatenate([y_test, labels[unseen]])
        reader = ImageReader(96, resize="crop")
        head = MobileNetFineTuner(alpha=0.35, epochs=8, fine_tune_epochs=0, random_state=0)
        yield f"MobileNetV2 0.35, {name}", make_pipeline(reader, head).fit(X, y), X, X_test, y_test


def runner(path):
    """Return a function from one image, uint8 (1, h, w, c), to its probabilities."""
    if path.suffix == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=str(path), num_threads=1)
        interpreter.allocate_tensors()
        (given,), (found,) = interpreter.get_input_details(), interpreter.get_output_details()

        def run(image):
            interpreter.set_tensor(given["index"], image)
            interpreter.invoke()
            return interpreter.get_tensor(found["index"])

        return run
    if path.suffix == ".onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options)
        return lambda image: session.run(None, {"pixels": image})[0]
    if path.suffix == ".keras":
        import keras

        return keras.models.load_model(path).predict_on_batch
    import tensorflow as tf

    serve = tf.saved_model.load(path).signatures["serve"]
    return lambda image: serve(pixels=tf.constant(image))["output_0"].numpy()


def size_of(path):
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def measured(name, model, X, X_test, y_test):
    """Return the figures of one model in all formats."""
    import skfashion
    from skfashion._export._graph import Graph

    wanted = model.predict_proba(X_test)
    pixels = Graph(model).pixels(X_test)
    accuracy = np.mean(model.classes_[wanted.argmax(1)] == y_test)
    rows = {}
    for file in FORMATS:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, file)
            started = time.perf_counter()
            whole = {"quantize": "int8", "sample": X[:N_SAMPLE]} if file.startswith("int8") else {}
            skfashion.export(model, path, **whole)
            written = time.perf_counter() - started
            run = runner(path)
            seen = np.concatenate([run(pixels[i : i + 1]) for i in range(len(pixels))])
            times = []
            for i in range(N_TIMED):
                started = time.process_time()
                run(pixels[i : i + 1])
                times.append(time.process_time() - started)
            rows[file] = {
                "bytes": size_of(path),
                "seconds_to_write": round(written, 1),
                "ms": 1000 * float(np.median(times)),
                "difference": float(np.abs(seen - wanted).max()),
                "agreement": float(np.mean(seen.argmax(1) == wanted.argmax(1))),
                "accuracy": float(np.mean(model.classes_[seen.argmax(1)] == y_test)),
            }
        print(name, file, rows[file], file=sys.stderr, flush=True)
    return {"images": len(X_test), "accuracy": float(accuracy), "formats": rows}


def table(record):
    """Return the table of the guide."""
    lines = [
        "| Model | Format | Size | ms an image | Largest difference |",
        "|---|---|---|---|---|",
    ]
    for name, model in record["models"].items():
        for file, row in model["formats"].items():
            kind = {"folder": "SavedModel", "int8.tflite": "`.tflite`, int8"}.get(file)
            difference = f"{row['difference']:.1e}"
            if file.startswith("int8"):
                points = 100 * (row["accuracy"] - model["accuracy"])
                difference = (
                    f"labels agree on {row['agreement']:.1%}; accuracy {points:+.1f} points"
                )
            size = f"{row['bytes'] / 1e6:.2f} MB"
            kind = kind or f"`{Path(file).suffix}`"
            lines.append(f"| {name} | {kind} | {size} | {row['ms']:.2f} | {difference} |")
    return "\n".join(lines)


def main():
    """Measure all, keep it and print the table."""
    # Before TensorFlow is imported.
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    record = {
        "command": "python -m benchmarks.export",
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions() | {name: metadata.version(name) for name in PACKAGES},
        "load": os.getloadavg(),
        "models": {name: measured(name, *rest) for name, *rest in models()},
    }
    record["load_at_end"] = os.getloadavg()
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(table(record))


if __name__ == "__main__":
    main()
