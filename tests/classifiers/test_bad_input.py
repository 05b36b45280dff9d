"""What predict, partial_fit and parameters refuse."""

import re
from pathlib import Path

import numpy as np
import pytest
from estimators import KINDS, NAMES, small, small_network
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.estimator_checks import check_param_validation
from tiny import NAN, WEIGHT, X, custom, dense, mobile, y

from skfashion import KerasImageClassifier
from skfashion.datasets import load_image_folder
from skfashion.model_selection import BayesSearchCV
from skfashion.preprocessing import GrayscaleToRGB, ImageReader, ImageResizer

PREDICT = {
    "another shape": (X[:, :4], ValueError, r"shape \(4, 8\).*\(8, 8, 1\).*ImageResizer"),
    "as many pixels": (X.reshape(12, 4, 16), ValueError, r"\(4, 16\).*\(8, 8, 1\)"),
    "another width": (X.reshape(12, 64)[:, 1:], ValueError, "63 features.*64"),
    "bytes": ([b"\x89PNG" * 10_000], ValueError, "holds bytes.*ImageReader.*BytesIO"),
    "paths": ([Path("a.png")], ValueError, "holds text.*ImageReader"),
    "a generator": ((image for image in X), TypeError, "X is a generator.*arrays.*ImageReader"),
    "NaN": (NAN, ValueError, "X contains NaN"),
    "no images": (X[:0], ValueError, "0 sample"),
    "text": (["a.png"], ValueError, "holds text.*ImageReader"),
    "five axes": (X[..., None, None], ValueError, r"\(8, 8, 1, 1\).*\(8, 8, 1\)"),
    "None": (None, ValueError, "None|NoneType"),
}


@pytest.mark.parametrize("method", ["predict", "predict_log_proba"])
@pytest.mark.parametrize("case", PREDICT)
def test_refused_by_predict(case, method, fitted):
    given, exception, message = PREDICT[case]
    before = dict(vars(fitted))
    with pytest.raises(exception, match=f"(?s){message}"):
        getattr(fitted, method)(given)
    assert vars(fitted) == before


RGB = np.repeat(X[..., None], 3, 3)
# channels of the images in fit -> what is given, and what to give in its place
REMEDIES = {
    "one image": (3, RGB[0], "X[np.newaxis]"),
    "one grey image": (1, X[0], "X[np.newaxis]"),
    "one grey image with channels": (1, X[0][..., None], "X[np.newaxis]"),
    "one, channels first": (3, RGB[0].transpose(2, 0, 1), "np.moveaxis(X, 0, -1)[np.newaxis]"),
    "channels first": (3, np.moveaxis(RGB, -1, 1), "np.moveaxis(X, 1, -1)"),
    "transparent": (3, np.repeat(X[..., None], 4, 3), "X[..., :3]"),
    "not transparent": (4, RGB, "np.insert(X, 3, 255, axis=-1)"),
    "coloured": (1, RGB, "X[..., :3].mean(axis=-1)"),
    "grey": (3, X, "GrayscaleToRGB"),
    "grey with channels": (3, X[..., None], "GrayscaleToRGB"),
    "small": (3, RGB[:, :4], "ImageResizer"),
    "small and grey": (3, X[:, :4], "ImageResizer"),
}
STEPS = {"GrayscaleToRGB": [GrayscaleToRGB()], "ImageResizer": [GrayscaleToRGB(), ImageResizer(8)]}


@pytest.mark.parametrize("case", REMEDIES)
def test_the_remedy_helps(case):
    channels, given, remedy = REMEDIES[case]
    clf = dense().fit(np.repeat(X[..., None], channels, 3), y)
    with pytest.raises(ValueError, match=re.escape(remedy)):
        clf.predict(given)
    if remedy in STEPS:
        given = make_pipeline(*STEPS[remedy]).fit_transform(given)
    else:
        given = eval(remedy, {"X": given, "np": np})
    clf.predict(given)


def test_validation_files_in_a_pipeline(photos):
    X, y = load_image_folder(photos / "test", return_X_y=True)
    pipe = Pipeline([("reader", ImageReader(8)), ("clf", dense())])
    remedy = "pipe[:-1].fit(X, y).transform(X_val)"
    with pytest.raises(ValueError, match=re.escape(f"X_val={remedy}")):
        pipe.fit(X, y, clf__X_val=X[:6], clf__y_val=y[:6])
    given = eval(remedy, {"pipe": pipe, "X": X, "y": y, "X_val": X[:6]})
    pipe.fit(X, y, clf__X_val=given, clf__y_val=y[:6])
    assert "val_accuracy" in pipe[-1].history_


LONG = "x" * 44_000
LONG_ONES = {
    "bytes for a name": lambda: ImageReader().transform(LONG.encode()),
    "bytes among names": lambda: ImageReader().transform([LONG.encode()]),
    "images in files": lambda: dense().fit([LONG.encode()] * 12, y),
    "classes": lambda: dense(class_weight={LONG: 1}).fit(X, y),
    "many classes": lambda: dense(class_weight={**dict.fromkeys(range(9999)), 0: -1}).fit(X, y),
    "a label": lambda: dense().fit(X, [LONG] * 12),
    "a label of y_val": lambda: dense().fit(X, y, X_val=X[:1], y_val=[LONG]),
    "other classes": lambda: dense().partial_fit(X, y, range(9999)).partial_fit(X, y, range(9)),
    "sizes": lambda: dense(hidden_layer_sizes=LONG).fit(X, y),
    "augmentation": lambda: dense(augmentation=LONG).fit(X, y),
    "dtype_policy": lambda: dense(dtype_policy=LONG).fit(X, y),
    "weights": lambda: mobile(weights=LONG).fit(X, y),
    "unfreeze_from": lambda: mobile(unfreeze_from=LONG).fit(X, y),
    "image_size": lambda: ImageResizer(size=[9] * 9999).fit_transform(X),
    "a parameter": lambda: custom(**{LONG: 1}),
    "a search space": lambda: BayesSearchCV(dense(), {"tol": dict.fromkeys(range(9999))}).fit(X, y),
}


@pytest.mark.parametrize("case", LONG_ONES)
def test_long_values_are_shown_in_part(case):
    with pytest.raises((ValueError, TypeError, OSError)) as caught:
        LONG_ONES[case]()
    assert 30 < len(str(caught.value)) < 1500


def test_refused_by_score(fitted):
    with pytest.raises(ValueError, match=r"\[11, 12\]|\[12, 11\]"):
        fitted.score(X, y[:11])


@pytest.mark.parametrize("name", NAMES)
def test_before_fit(name):
    clf = small(name)
    for ask in (lambda: clf.predict(X), lambda: clf.score(X, y), lambda: clf.model_):
        with pytest.raises(NotFittedError, match=f"{name} instance is not fitted"):
            ask()


FIRST, SOME = (X, y, [0, 1, 2]), y < 2
# name -> (parameters, calls of which the last one is refused, message)
PARTIAL = {
    "early stopping": ({"early_stopping": True}, [FIRST], "partial_fit.*early_stopping=False"),
    "a generator": ({}, [(iter(X),)], "X is a .*iterator.*ImageReader"),
    "no labels": ({}, [FIRST, (X,)], "y is None"),
    "weights of another scale": (
        {},
        [(*FIRST, WEIGHT * 1e-30), (X, y, None, WEIGHT * 1e30)],
        "sample_weight.*first call",
    ),
    "no classes": ({}, [(X, y)], "classes must be passed on the first call.*numpy.unique"),
    "a label that is no class": ({}, [(X, y, [0, 1])], r"not among the classes: \[.*2"),
    "one class": ({}, [(X, y * 0, [0])], "one class"),
    "other classes": ({}, [FIRST, (X, y, [0, 1, 2, 3])], "classes=.*first call"),
    "a new label": ({}, [FIRST, (X, y + 1)], "not among the classes.*3"),
    "another shape": ({}, [FIRST, (X[:, :4], y)], r"\(4, 8\).*\(8, 8, 1\)"),
    "another number": ({}, [FIRST, (X, y[:5])], r"\[12, 5\]"),
    "one-hot classes": ({}, [(X, y, np.eye(3))], "argmax"),
    "balanced": ({"class_weight": "balanced"}, [FIRST, (X[SOME], y[SOME])], "balanced.*dict"),
}


@pytest.mark.parametrize("case", PARTIAL)
def test_refused_by_partial_fit(case):
    parameters, calls, message = PARTIAL[case]
    clf = dense(**parameters)
    for call in calls[:-1]:
        clf.partial_fit(*call)
    before = dict(vars(clf))
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        clf.partial_fit(*calls[-1])
    assert vars(clf) == before


OWN = custom(model__units=4)
WARM = {
    "another network": (dense(), {"hidden_layer_sizes": 5}, (X, y), "warm_start=True.*=False"),
    "another network of one's own": (OWN, {"model__units": 5}, (X, y), "warm_start=True"),
    "another shape": (dense(), {}, (X[:, :4], y), r"\(4, 8\).*\(8, 8, 1\)"),
    "another label": (dense(), {}, (X, y + 1), "not among the classes"),
}


@pytest.mark.parametrize("case", WARM)
def test_refused_by_a_warm_start(case):
    clf, parameters, call, message = WARM[case]
    clf.set_params(warm_start=True).fit(X, y)
    was = clf.get_params()
    clf.set_params(**parameters)
    before = dict(vars(clf))
    with pytest.raises(ValueError, match=f"(?s){message}"):
        clf.fit(*call)
    assert vars(clf) == before
    assert clf.set_params(**was).fit(X, y).n_iter_ == 1


@pytest.mark.parametrize("name", KINDS)
def test_wrong_types_and_ranges(name):
    clf = KerasImageClassifier(small_network) if name == "KerasImageClassifier" else small(name)
    check_param_validation(name, clf)


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_given_by_name(name):
    with pytest.raises(TypeError, match="positional"):
        type(small(name))(3, 4)
