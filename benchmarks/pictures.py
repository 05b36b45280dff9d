"""Draw the pictures of the guide from real runs: ``python -m benchmarks.pictures``.

Twelve candidates of `MobileNetFineTuner` on a thousand photos of Intel scenes, drawn by the
displays of the package; some minutes on two cores. Images are shown of scikit-learn's digits,
which may be passed on.
"""

import os
import tempfile
from pathlib import Path

from benchmarks.harness import ROOT
from benchmarks.problems import ALPHA

_STATIC = ROOT / "docs" / "_static"
_N_IMAGES, _SIZE = 1000, 128


def draw(folder=_STATIC):
    """Search, and draw what was found."""
    from skopt.space import Categorical, Real

    from skfashion import MobileNetFineTuner
    from skfashion.datasets import load_image_folder
    from skfashion.inspection import HistoryDisplay, SearchDisplay
    from skfashion.model_selection import BayesSearchCV
    from skfashion.preprocessing import ImageReader

    scenes = Path(os.environ["SKFASHION_DATA"], "intel-scenes")
    reader = ImageReader(size=_SIZE)
    names, y = load_image_folder(scenes / "train", return_X_y=True)
    every = len(names) // _N_IMAGES
    X, y = reader.fit_transform(names[::every]), y[::every]
    space = {
        "unfreeze_from": Categorical([None, "block_13", "block_16"]),
        "learning_rate": Real(1e-4, 1e-2, prior="log-uniform"),
        "dropout": Real(0.0, 0.5),
    }
    with tempfile.TemporaryDirectory() as memory:
        clf = MobileNetFineTuner(
            alpha=ALPHA, epochs=6, fine_tune_epochs=4, memory=memory, random_state=0
        )
        search = BayesSearchCV(clf, space, n_iter=12, cv=3, random_state=0).fit(X, y)
        pictures = {
            "search": SearchDisplay.from_search(search),
            "history": HistoryDisplay.from_estimator(search.best_estimator_),
            "mistakes": _mistakes(),
        }
    for name, display in pictures.items():
        path = Path(folder) / f"{name}.png"
        display.figure_.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})


def _mistakes():
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from skfashion import ConvClassifier
    from skfashion.inspection import MistakesDisplay

    digits = load_digits()
    X, X_test, y, y_test = train_test_split(
        digits.images, digits.target, test_size=0.5, random_state=0
    )
    clf = ConvClassifier((16, 32), epochs=6, random_state=0).fit(X, y)
    return MistakesDisplay.from_estimator(clf, X_test, y_test, n_images=6, explain=True)


if __name__ == "__main__":
    draw()
