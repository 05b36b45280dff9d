"""Images that are read when they are needed, from made-up JPEG files that are written once."""

import os
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks import problems

_CLASSES = 5
_PARAMS = {"alpha": problems.ALPHA, "image_size": 96, "random_state": 0}


def files(n, side):
    """Return the names and labels of JPEG files, written where they are not there yet."""
    folder = Path(tempfile.gettempdir()) / "skfashion-made-up" / str(side)
    y = np.arange(n) % _CLASSES
    names = [folder / f"class_{label}" / f"{i:06}.jpg" for i, label in enumerate(y)]
    for label in range(_CLASSES):
        (folder / f"class_{label}").mkdir(parents=True, exist_ok=True)
    missing = [i for i, name in enumerate(names) if not name.exists()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda i: _write(names[i], i, side), missing))
    return np.array(list(map(str, names))), y


def _write(name, i, side):
    from PIL import Image

    corners = np.random.default_rng(i).integers(0, 200, (9, 9, 3)) + 10 * (i % _CLASSES)
    picture = Image.fromarray(corners.astype(np.uint8))
    picture.resize((side, side), Image.Resampling.BICUBIC).save(name, quality=90)


def _pipeline(side, memory=None, reader_memory=None, **params):
    from sklearn.pipeline import make_pipeline

    from skfashion import MobileNetFineTuner
    from skfashion.preprocessing import ImageReader

    reader = ImageReader(side, lazy=True, memory=reader_memory)
    return make_pipeline(reader, MobileNetFineTuner(**_PARAMS, memory=memory, **params))


def _anonymous():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024


class _Watched:
    """The most anonymous memory of this process in a block."""

    def __enter__(self):
        self.most, self._ends = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self):
        while not self._ends.wait(0.05):
            self.most = max(self.most, _anonymous())

    def __exit__(self, *_):
        self._ends.set()
        self._thread.join()


def _decoded():
    import skfashion

    return skfashion.cache_info()["images"]["decoded"]


def memory(n, side, folder=None):
    """Fit on n files, with features in memory, or on disk in a folder; what it takes."""
    import skfashion

    X, y = files(n, side)
    bound = {} if folder is None else {"feature_cache_bytes": 1 << 26}
    pipe = _pipeline(side, folder, epochs=2)

    def run():
        with _Watched() as watched, skfashion.config_context(**bound):
            pipe.fit(X, y)
        return {"anonymous_bytes": watched.most, "decoded": _decoded()}

    return run


def ours(n, side):
    """Train one epoch from files, then ten more that need none."""
    X, y = files(n, side)

    def run():
        started = time.perf_counter()
        _pipeline(side, epochs=1).fit(X, y)
        first = time.perf_counter()
        _pipeline(side, epochs=10).fit(X, y)
        later = time.perf_counter() - first
        return {"first": n / (first - started), "later": 10 * n / later, "decoded": _decoded()}

    return run


def keras_dataset(n, side):
    """The same from `image_dataset_from_directory` and Keras' own `fit`."""
    import keras

    folder = tempfile.TemporaryDirectory()
    for name, label in zip(*files(n, side), strict=True):
        place = Path(folder.name) / f"class_{label}"
        place.mkdir(exist_ok=True)
        (place / Path(name).name).symlink_to(name)
    ends = []
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter())
    )

    def run():
        started = time.perf_counter()
        base = keras.applications.MobileNetV2(
            (96, 96, 3), problems.ALPHA, include_top=False, weights=None, pooling="avg"
        )
        base.trainable = False
        inputs = keras.Input((side, side, 3))
        x = keras.layers.Rescaling(1 / 127.5, -1)(keras.layers.Resizing(96, 96)(inputs))
        outputs = keras.layers.Dense(_CLASSES, activation="softmax")(base(x, training=False))
        model = keras.Model(inputs, outputs)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        data = keras.utils.image_dataset_from_directory(
            folder.name, image_size=(side, side), batch_size=32, seed=0, verbose=False
        )
        model.fit(data.prefetch(2), epochs=2, verbose=0, callbacks=[note])
        folder.cleanup()
        return {"first": n / (ends[0] - started), "later": n / (ends[1] - ends[0])}

    return run


def conv(n, side, epochs, lazy):
    """Train a small convolutional network from the array, or from decoded rows in a folder."""
    from skfashion import ConvClassifier
    from skfashion._utils.lazy_images import read_ahead, rows_of
    from skfashion.preprocessing import ImageReader

    X, y = files(n, side)
    folder = tempfile.TemporaryDirectory()
    images = ImageReader(side, lazy=lazy, memory=folder.name if lazy else None).transform(X)

    def run():
        import skfashion

        with skfashion.config_context(image_cache_bytes=0):
            for _ in read_ahead(images, rows_of(images)):
                pass  # so that rows are in the folder
            clf = ConvClassifier(16, epochs=1, random_state=0).fit(images[:1000], y[:1000])
            started = time.perf_counter()
            clf.set_params(epochs=epochs).fit(images, y)
            seconds = (time.perf_counter() - started) / epochs
        info = skfashion.cache_info()["images"]
        folder.cleanup()
        return {"seconds": seconds, **info, "loss": clf.history_["loss"]}

    return run


def killed(n, side, folder, log):
    """Fit once, and write down each file that is decoded."""
    from skfashion.preprocessing import _reader

    X, y = files(n, side)
    decode, opened = _reader.decode_image, os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def noting(name, **how):
        os.write(opened, f"{time.time()} {name}\n".encode())
        return decode(name, **how)

    _reader.decode_image = noting
    return lambda: {"history": _pipeline(side, folder, epochs=1).fit(X, y)[-1].history_}


def grid(n, side):
    """Search six heads over three folds."""
    from sklearn.model_selection import GridSearchCV

    X, y = files(n, side)
    name = "mobilenetfinetuner__"
    heads = {f"{name}dropout": [0.0, 0.2, 0.4], f"{name}learning_rate": [1e-3, 3e-3]}

    def run():
        search = GridSearchCV(_pipeline(side, epochs=2), heads, cv=3, error_score="raise")
        search.fit(X, y)
        return {"decoded": _decoded(), "best": search.best_score_}

    return run
