"""What users of scikeras route to their network, and what scikeras makes of the same words."""

import copy
import functools
from pathlib import Path

import keras
import numpy as np
import pytest
from custom import custom, network
from numpy.testing import assert_array_equal
from scripts import run_python
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skfashion
from skfashion import KerasImageClassifier

KNOWN = []


@pytest.fixture(scope="module")
def three(images):
    X, y = images
    return X[:24], y[:24]


custom = functools.partial(custom, epochs=1)
SPARSE = keras.losses.SparseCategoricalCrossentropy
TOP = keras.metrics.SparseTopKCategoricalAccuracy
DECAY = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
ROUTED = {
    "a name": {"optimizer": "sgd", "optimizer__learning_rate": 0.25},
    "a class": {"optimizer": keras.optimizers.SGD, "optimizer__nesterov": True},
    "an instance": {"optimizer": keras.optimizers.RMSprop(0.02, rho=0.5)},
    "clipping": {"optimizer": "adam", "optimizer__clipnorm": 0.5, "optimizer__beta_1": 0.8},
    "decay": {"optimizer": keras.optimizers.AdamW, "optimizer__weight_decay": 0.1},
    "a rate that decays": {"optimizer__learning_rate": DECAY},
    "a loss": {"loss": SPARSE, "loss__ignore_class": 7, "loss__name": "mine"},
    "a metric": {"metrics": [TOP], "metrics__k": 2},
    "metrics by place": {"metrics": ["accuracy", TOP], "metrics__1__k": 2, "metrics__1__name": "b"},
    "a network": {"model__units": 7, "model__rate": 0.25},
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("case", ROUTED)
def test_the_same_network_as_scikeras(case, three):
    X, y = three
    mine = custom(**ROUTED[case]).fit(X, y).model_  # scikeras is imported without its patches
    from scikeras.wrappers import KerasClassifier

    defaults = {"loss": "sparse_categorical_crossentropy", "optimizer": "adam"}
    # scikeras builds an optimizer of a user's own once only, so it gets one of its own.
    routed = {"metrics": ["accuracy"], **copy.deepcopy(ROUTED[case])}
    theirs = KerasClassifier(network, **{**defaults, **routed}, epochs=1, verbose=0)
    theirs = theirs.fit(X, y).model_
    assert type(mine.optimizer) is type(theirs.optimizer)
    assert plain(mine.optimizer.get_config()) == plain(theirs.optimizer.get_config())
    assert [plain(layer.get_config()) for layer in mine.layers] == [
        plain(layer.get_config()) for layer in theirs.layers
    ]
    ours, wanted = mine.get_compile_config(), theirs.get_compile_config()
    assert plain(ours["loss"]) == plain(wanted["loss"])
    assert plain(ours["metrics"]) == plain(wanted["metrics"])


def plain(config):
    """Return a configuration without names that Keras counts up, floats as float32 holds them."""
    if isinstance(config, dict):
        if config.get("module") == "keras.metrics" and config.get("class_name"):
            config = {k: v for k, v in config.items() if k != "build_config"}
        return {
            name: plain(value)
            for name, value in config.items()
            if name not in ("name", "dtype", "registered_name")
        }
    if isinstance(config, (list, tuple)):
        return [plain(value) for value in config]
    return float(np.float32(config)) if isinstance(config, float) else config


def test_what_scikeras_changed_for_its_own_user_stays():
    run_python(
        """
        import scikeras.wrappers, keras
        changed = keras.Model.__reduce__
        from skfashion import DenseClassifier
        from skfashion.datasets import make_images
        X, y = make_images(n_samples=20, n_classes=2, image_size=4, random_state=0)
        DenseClassifier(hidden_layer_sizes=2, epochs=1).fit(X, y)
        assert keras.Model.__reduce__ is changed
        """
    )


def test_only_one_module_imports_scikeras():
    modules = Path(skfashion.__file__).parent.rglob("*.py")
    assert [m.name for m in modules if "import scikeras" in m.read_text()] == ["_scikeras.py"]


def test_an_optimizer_instance_is_good_for_many_fits(three):
    X, y = three
    optimizer = keras.optimizers.SGD(0.05, momentum=0.5)
    clf = custom(optimizer=optimizer)
    first = clf.fit(X, y).predict_proba(X)
    assert_array_equal(clf.fit(X, y).predict_proba(X), first)
    assert not optimizer.built
    same = custom(optimizer="sgd", optimizer__learning_rate=0.05, optimizer__momentum=0.5)
    assert_array_equal(same.fit(X, y).predict_proba(X), first)


# ------------------------------------------------------- networks that compile themselves


def compiled(meta, compile_kwargs, units=8):
    KNOWN.append(sorted(compile_kwargs))
    model = network(units, meta=meta)
    model.compile(loss="sparse_categorical_crossentropy", optimizer=compile_kwargs["optimizer"])
    return model


def with_anything(**everything):
    model = network(meta=everything["meta"])
    model.compile(**everything["compile_kwargs"])
    return model


SGD = {"optimizer": "sgd", "optimizer__learning_rate": 0.25, "optimizer__momentum": 0.5}


@pytest.mark.parametrize("function", [compiled, with_anything])
def test_a_function_may_compile_with_what_was_routed(function, three):
    clf = custom(function, **SGD).fit(*three)
    assert type(clf.model_.optimizer) is keras.optimizers.SGD
    assert float(clf.model_.optimizer.momentum) == 0.5
    assert clf.history_["learning_rate"] == [0.25]
    plainly = custom(**SGD).fit(*three)
    assert_array_equal(clf.predict_proba(three[0]), plainly.predict_proba(three[0]))


def test_a_function_may_compile_with_the_default_optimizer(three):
    KNOWN.clear()
    assert type(custom(compiled).fit(*three).model_.optimizer) is keras.optimizers.Adam
    assert {"loss", "metrics", "optimizer"} <= set(KNOWN[0])


def test_a_search_over_what_such_a_function_compiles_with(three):
    grid = {"optimizer__learning_rate": [1e-30, 1e-2], "model__units": [16]}
    search = GridSearchCV(custom(compiled, epochs=20, optimizer="adam"), grid, cv=2).fit(*three)
    assert search.best_params_["optimizer__learning_rate"] == 1e-2


def test_a_function_may_see_all_parameters(three):
    seen = {}

    def curious(meta, params, units):
        seen.update(params)
        return network(units, meta=meta)

    custom(curious, model__units=5, optimizer="sgd", epochs=1, batch_size=8).fit(*three)
    wanted = {"model__units": 5, "optimizer": "sgd", "epochs": 1, "batch_size": 8}
    assert wanted.items() <= seen.items()
    assert seen["loss"] == "sparse_categorical_crossentropy"


# ---------------------------------------------------------------------------- callbacks


class Named(keras.callbacks.Callback):
    heard = []

    def __init__(self, name="nobody", size=0):
        super().__init__()
        self.name, self.size = name, size

    def on_train_end(self, logs=None):
        self.heard.append((self.name, self.size))


@pytest.fixture
def heard():
    Named.heard.clear()
    return Named.heard


MADE, C = Named("made", 1), "callbacks__"
CALLBACKS = {
    "a class": (Named, {f"{C}name": "a"}, [("a", 0)]),
    "an instance": (MADE, {}, [("made", 1)]),
    "a list": ([Named, Named], {f"{C}0__name": "a"}, [("a", 0), ("nobody", 0)]),
    "one over all": ([Named, Named], {f"{C}name": "x", f"{C}1__name": "b"}, [("x", 0), ("b", 0)]),
    "a dict": ({"x": Named}, {f"{C}x__name": "a", f"{C}size": 2}, [("a", 2)]),
    "instances beside classes": ([MADE, Named], {f"{C}1__name": "b"}, [("made", 1), ("b", 0)]),
}


@pytest.mark.parametrize("case", CALLBACKS)
def test_callbacks_by_place_by_name_and_for_all(case, heard, three):
    callbacks, routed, wanted = CALLBACKS[case]
    clf = custom(callbacks=callbacks, **routed)
    for each in (clf, clone(clf)):
        heard.clear()
        each.fit(*three)
        assert heard == wanted


# ---------------------------------------------------------------- fit__, and what is refused


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_what_is_routed_to_fit_goes_before_the_parameter(method, three):
    X, y = three

    def fitted(**parameters):
        clf = custom(**parameters)
        return getattr(clf, method)(X, y, **({"classes": [0, 1, 2]} if method != "fit" else {}))

    routed = fitted(epochs=9, batch_size=24, fit__epochs=2, fit__batch_size=8)
    assert_array_equal(routed.predict_proba(X), fitted(epochs=2, batch_size=8).predict_proba(X))
    assert routed.history_ != fitted(epochs=2, batch_size=24).history_
    assert routed.set_params(fit__epochs=3).fit(X, y).n_iter_ == 3


# a name that is not routed, and what is said of it: what it was for may have another name
REFUSED = {
    **dict.fromkeys(("epoch", "model__", "model__a__b", "predict__verbose"), "fit__epochs and"),
    **dict.fromkeys(("compile__loss", "compile__loss_weights"), "fit__epochs and"),
    "optimizer__learning_rate__decay_steps": "fit__epochs and",
    "units": "If it is .* model__units",
    "build_fn": "model=",
    "validation_split": "validation_fraction",
    "compile__run_eagerly": "fit__epochs and.*compiled with run_eagerly=True",
    "run_eagerly": "compiled with run_eagerly=True",
    "shuffle": "are shuffled for each epoch",
    "predict__batch_size": "fit__epochs and.*a size of their own",
    "fit__validation_split": "fit__epochs and.*validation_fraction",
    "fit__shuffle": "are shuffled for each epoch",
    **dict.fromkeys(("fit__verbose", "fit__class_weight"), "fit__epochs and.*fit__batch_size"),
    **dict.fromkeys(("fit__callbacks", "fit__sample_weight"), "fit__epochs and.*fit__batch_size"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_routed_is_refused_by_name(name):
    with pytest.raises(TypeError, match=f"unexpected parameter '{name}'.*{REFUSED[name]}"):
        KerasImageClassifier(network, **{name: 1})
    clf = custom(model__units=3)
    before = clf.get_params()
    with pytest.raises(ValueError, match=f"unexpected parameter '{name}'.*{REFUSED[name]}"):
        clf.set_params(model__units=4, **{name: 1})
    assert clf.get_params() == before
    assert {"validation_fraction", "verbose", "class_weight", "callbacks"} <= before.keys()
