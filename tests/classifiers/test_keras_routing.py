"""What users of scikeras route to their network, and what scikeras makes of the same words."""

import functools

import keras
import numpy as np
import pytest
from custom import custom, network
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skfashion import KerasImageClassifier

KNOWN = []


@pytest.fixture(scope="module")
def three(images):
    X, y = images
    return X[:24], y[:24]


custom = functools.partial(custom, epochs=1)
ROUTED = {
    "a name": {"optimizer": "sgd", "optimizer__learning_rate": 0.25},
    "a class": {"optimizer": keras.optimizers.SGD, "optimizer__nesterov": True},
    "an instance": {"optimizer": keras.optimizers.RMSprop(0.02, rho=0.5)},
    "clipping": {"optimizer": "adam", "optimizer__clipnorm": 0.5, "optimizer__beta_1": 0.8},
    "decay": {"optimizer": keras.optimizers.AdamW, "optimizer__weight_decay": 0.1},
    "a rate that decays": {
        "optimizer__learning_rate": keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    },
    "a loss": {"loss": keras.losses.SparseCategoricalCrossentropy, "loss__ignore_class": 7},
    "a loss with a name": {
        "loss": keras.losses.SparseCategoricalCrossentropy,
        "loss__name": "mine",
    },
    "a metric": {"metrics": [keras.metrics.SparseTopKCategoricalAccuracy], "metrics__k": 2},
    "metrics by place": {
        "metrics": ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy],
        "metrics__1__k": 2,
        "metrics__1__name": "second",
    },
    "a network": {"model__units": 7, "model__rate": 0.25},
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("case", ROUTED)
def test_the_same_network_as_scikeras(case, three):
    X, y = three
    mine = custom(**ROUTED[case]).fit(X, y).model_  # scikeras is imported without its patches
    from scikeras.wrappers import KerasClassifier

    defaults = {
        "loss": "sparse_categorical_crossentropy",
        "optimizer": "adam",
        "metrics": ["accuracy"],
    }
    # scikeras builds an optimizer of a user's own once only, so it gets one of its own.
    routed = {
        name: type(value).from_config(value.get_config()) if case == "an instance" else value
        for name, value in ROUTED[case].items()
    }
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


@pytest.mark.parametrize("function", [compiled, with_anything])
def test_a_function_may_compile_with_what_was_routed(function, three):
    clf = custom(function, optimizer="sgd", optimizer__learning_rate=0.25, optimizer__momentum=0.5)
    clf.fit(*three)
    optimizer = clf.model_.optimizer
    assert type(optimizer) is keras.optimizers.SGD
    assert float(optimizer.momentum) == 0.5
    assert clf.history_["learning_rate"] == [0.25]
    plainly = custom(optimizer="sgd", optimizer__learning_rate=0.25, optimizer__momentum=0.5)
    assert_array_equal(clf.predict_proba(three[0]), plainly.fit(*three).predict_proba(three[0]))


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


CALLBACKS = {
    "a class": (Named, {"callbacks__name": "a"}, [("a", 0)]),
    "an instance": (Named("made", 1), {}, [("made", 1)]),
    "a list": ([Named, Named], {"callbacks__0__name": "a"}, [("a", 0), ("nobody", 0)]),
    "for all": ([Named, Named], {"callbacks__size": 3}, [("nobody", 3), ("nobody", 3)]),
    "one over all": (
        [Named, Named],
        {"callbacks__name": "all", "callbacks__1__name": "b"},
        [("all", 0), ("b", 0)],
    ),
    "a dict": (
        {"x": Named, "y": Named},
        {"callbacks__x__name": "a", "callbacks__y__size": 2},
        [("a", 0), ("nobody", 2)],
    ),
    "instances beside classes": (
        [Named("made", 1), Named],
        {"callbacks__1__name": "b"},
        [("made", 1), ("b", 0)],
    ),
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


def test_what_is_routed_to_fit_goes_before_the_parameter(three):
    clf = custom(epochs=9, batch_size=24, fit__epochs=2, fit__batch_size=8).fit(*three)
    assert clf.n_iter_ == 2
    assert_array_equal(
        clf.predict_proba(three[0]),
        custom(epochs=2, batch_size=8).fit(*three).predict_proba(three[0]),
    )
    clf.set_params(fit__epochs=3).fit(*three)
    assert clf.n_iter_ == 3


def test_partial_fit_takes_batches_of_the_routed_size(three):
    sizes = [custom(**given).partial_fit(*three, classes=[0, 1, 2]) for given in (
        {"batch_size": 8}, {"fit__batch_size": 8}, {"batch_size": 24}
    )]  # fmt: skip
    first, routed, whole = (clf.predict_proba(three[0]) for clf in sizes)
    assert_array_equal(routed, first)
    assert not np.array_equal(whole, first)


# a name that is not routed, and what is said of it: what it was for may have another name
REFUSED = {
    "epoch": "fit__epochs and",
    "units": "If it is .* model__units",
    "build_fn": "model=",
    "validation_split": "validation_fraction",
    "model__": "fit__epochs and",
    "model__a__b": "fit__epochs and",
    "optimizer__learning_rate__decay_steps": "fit__epochs and",
    "compile__loss": "fit__epochs and",
    "compile__loss_weights": "fit__epochs and",
    "compile__run_eagerly": "fit__epochs and.*compiled with run_eagerly=True",
    "run_eagerly": "compiled with run_eagerly=True",
    "shuffle": "are shuffled for each epoch",
    "hidden_layer_sizes": "model__hidden_layer_sizes",
    "predict__batch_size": "fit__epochs and.*a size of their own",
    "predict__verbose": "fit__epochs and",
    "fit__validation_split": "fit__epochs and.*validation_fraction",
    "fit__verbose": "fit__epochs and.*fit__batch_size",
    "fit__shuffle": "are shuffled for each epoch",
    "fit__class_weight": "fit__epochs and.*fit__batch_size",
    "fit__callbacks": "fit__epochs and.*fit__batch_size",
    "fit__sample_weight": "fit__epochs and.*fit__batch_size",
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
