"""How long each search takes to find a good dense network: the same space for all.

Units of a layer, layers, dropout, learning rate (log) and batch size. A candidate is the mean
accuracy of three folds. All but keras-tuner search over our classifier, on a store in an
empty folder, so that what trains a candidate further pays for the added epochs only; every
fit has the seed of the round.
"""

import logging
import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from benchmarks import problems
from benchmarks.watch import Watch

_UNITS, _LAYERS, _DROPOUT, _RATE = (32, 512), (1, 3), (0.0, 0.5), (1e-4, 1e-1)
_BATCHES = [64, 128, 256]
# More than any budget allows.
_MANY = 1000
# As many as Hyperband draws in its widest bracket.
_HALVED = 9
_FACTOR = 3


class LayeredClassifier(ClassifierMixin, BaseEstimator):
    """`DenseClassifier` with its sizes as two numbers, which tells each score to a watch."""

    watch = None  # of the class: no parameter, and clones share it

    def __init__(
        self,
        units=128,
        layers=1,
        dropout=0.0,
        learning_rate=1e-3,
        batch_size=128,
        epochs=18,
        memory=None,
        random_state=None,
    ):
        self.units = units
        self.layers = layers
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.memory = memory
        self.random_state = random_state

    def fit(self, X, y):
        """Train."""
        from skfashion import DenseClassifier

        given = {name: int(getattr(self, name)) for name in ("batch_size", "epochs")}
        self.classifier_ = DenseClassifier(
            (int(self.units),) * int(self.layers),
            dropout=float(self.dropout),
            learning_rate=float(self.learning_rate),
            memory=self.memory,
            random_state=self.random_state,
            **given,
        ).fit(X, y)
        self.classes_ = self.classifier_.classes_
        return self

    def predict(self, X):
        """Return a label for each image."""
        return self.classifier_.predict(X)

    def score(self, X, y):
        """Return the accuracy, and tell it."""
        accuracy = self.classifier_.score(X, y)
        setting = self.get_params()
        del setting["epochs"]
        self.watch.fold(setting, accuracy)
        return accuracy


def random(epochs, **settings):
    """scikit-learn's RandomizedSearchCV."""
    from sklearn.model_selection import RandomizedSearchCV

    return _run(RandomizedSearchCV, _distributions(), epochs, {"n_iter": _MANY}, **settings)


def bayes(epochs, **settings):
    """Our BayesSearchCV."""
    from skopt.space import Categorical, Integer, Real

    from skfashion.model_selection import BayesSearchCV

    space = {
        "units": Integer(*_UNITS),
        "layers": Integer(*_LAYERS),
        "dropout": Real(*_DROPOUT),
        "learning_rate": Real(*_RATE, prior="log-uniform"),
        "batch_size": Categorical(_BATCHES),
    }
    return _run(BayesSearchCV, space, epochs, {"n_iter": _MANY}, **settings)


def halving(epochs, **settings):
    """scikit-learn's HalvingRandomSearchCV over epochs, again and again."""
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingRandomSearchCV

    given = {"resource": "epochs", "factor": _FACTOR, "n_candidates": _HALVED}
    given |= {"min_resources": _least(epochs), "max_resources": epochs}
    return _run(HalvingRandomSearchCV, _distributions(), epochs, given, **settings)


def hyperband(epochs, **settings):
    """Our HyperbandSearchCV, again and again."""
    from skfashion.model_selection import HyperbandSearchCV

    given = {"resource": "epochs", "factor": _FACTOR}
    given |= {"min_resources": _least(epochs), "max_resources": epochs}
    return _run(HyperbandSearchCV, _distributions(), epochs, given, **settings)


def optuna(epochs, **settings):
    """Optuna's tree-structured Parzen estimator."""
    import optuna as package
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
    from optuna_integration import OptunaSearchCV

    package.logging.set_verbosity(package.logging.ERROR)
    space = {
        "units": IntDistribution(*_UNITS),
        "layers": IntDistribution(*_LAYERS),
        "dropout": FloatDistribution(*_DROPOUT),
        "learning_rate": FloatDistribution(*_RATE, log=True),
        "batch_size": CategoricalDistribution(_BATCHES),
    }
    # Its default study: the sampler is TPE, which OptunaSearchCV seeds.
    return _run(OptunaSearchCV, space, epochs, {"n_trials": _MANY}, **settings)


def keras_tuner(n, epochs, target, folds, budget_seconds, budget_epochs, folder):
    """keras-tuner's Hyperband on the same network in Keras.

    By itself it trains on one validation part. Here a trial trains all folds and reports
    their mean, and one that goes on loads the weights of its folds, as its own `Hyperband`
    loads those of its one network.
    """
    import keras_tuner as kt
    from sklearn.model_selection import StratifiedKFold

    from benchmarks.data import fashion
    from benchmarks.spy import wake

    keras = wake()
    keras.utils.set_random_seed(problems.seed())
    X, y = fashion(n, flat=True, scaled=True)
    splits = list(StratifiedKFold(folds).split(X, y))
    watch, trained = Watch(target, folds, budget_seconds, budget_epochs), [0]

    def build(hp):
        units, dropout = hp.Int("units", *_UNITS), hp.Float("dropout", *_DROPOUT)
        layers = [keras.Input((784,))]
        for _ in range(hp.Int("layers", *_LAYERS)):
            layers.append(keras.layers.Dense(units, activation="relu"))
            layers.append(keras.layers.Dropout(dropout))
        model = keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])
        rate = hp.Float("learning_rate", *_RATE, sampling="log")
        loss = "sparse_categorical_crossentropy"
        model.compile(keras.optimizers.Adam(rate), loss=loss, metrics=["accuracy"])
        hp.Choice("batch_size", _BATCHES)
        return model

    class Folds(kt.Hyperband):
        """Trains a network for each fold."""

        weights = {}

        def run_trial(self, trial, **kwargs):
            values = trial.hyperparameters.values
            first, last = values.get("tuner/initial_epoch", 0), values.get("tuner/epochs", epochs)
            earlier = self.weights.get(values.get("tuner/trial_id"))
            setting = {name: value for name, value in values.items() if "/" not in name}
            fit = {"batch_size": values["batch_size"], "verbose": 0}
            fit |= {"initial_epoch": first, "epochs": last}
            kept, scores = [], []
            for fold, (train, test) in enumerate(splits):
                model = self.hypermodel.build(trial.hyperparameters)
                if earlier is not None:
                    model.set_weights(earlier[fold])
                model.fit(X[train], y[train], **fit)
                trained[0] += last - first
                kept.append(model.get_weights())
                scores.append(model.evaluate(X[test], y[test], batch_size=1024, verbose=0)[1])
                watch.fold(setting, scores[-1])
            self.weights[trial.trial_id] = kept
            return {"val_accuracy": float(np.mean(scores))}

    def run():
        tuner = Folds(
            build,
            objective=kt.Objective("val_accuracy", "max"),
            max_epochs=epochs,
            factor=_FACTOR,
            hyperband_iterations=_MANY,
            seed=problems.seed(),
            directory=folder,
        )
        with watch.running(lambda: trained[0]):
            tuner.search(verbose=0)
        return watch.outcome()

    return run


def _run(kind, space, epochs, given, *, n, target, folds, budget_seconds, budget_epochs, folder):
    """Search until the watch ends it; one that comes to its own end begins with a new seed."""
    from sklearn.model_selection import StratifiedKFold

    from benchmarks import spy
    from benchmarks.data import fashion

    logging.getLogger("optuna").setLevel(logging.ERROR)
    spy.start_ours()
    X, y = fashion(n)
    work = spy.watch()
    watch = LayeredClassifier.watch = Watch(target, folds, budget_seconds, budget_epochs)
    seed = problems.seed()
    clf = LayeredClassifier(epochs=epochs, memory=folder, random_state=seed)
    settings = {"cv": StratifiedKFold(folds), "refit": False, "error_score": "raise", **given}
    settings["return_train_score"] = False  # halving would score all twice

    def run():
        with warnings.catch_warnings(), watch.running(lambda: work.epochs):
            warnings.simplefilter("ignore")
            for again in range(_MANY):
                kind(clf, space, random_state=seed + _MANY * again, **settings).fit(X, y)
        found = {**spy.step_of_ours(), **watch.outcome()}
        return {**found, "fits": len(work.fits)}

    return run


def _least(epochs):
    """Return the epochs of the first of three rungs."""
    return max(1, epochs // _FACTOR**2)


def _distributions():
    from scipy.stats import loguniform, randint, uniform

    return {
        "units": randint(_UNITS[0], _UNITS[1] + 1),
        "layers": list(range(_LAYERS[0], _LAYERS[1] + 1)),
        "dropout": uniform(_DROPOUT[0], _DROPOUT[1] - _DROPOUT[0]),
        "learning_rate": loguniform(*_RATE),
        "batch_size": _BATCHES,
    }
