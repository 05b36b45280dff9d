"""search_space: the default space of each classifier, as each search takes it."""

import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skopt.space import Categorical, Dimension, Integer, Real

from skfashion import (
    ConvClassifier,
    DenseClassifier,
    KerasImageClassifier,
    MobileNetFineTuner,
)
from skfashion.model_selection import search_space
from skfashion.model_selection._subspaces import as_subspaces
from skfashion.networks._backbones import backbone_layers, unfreeze_index

CLASSIFIERS = [
    DenseClassifier(),
    ConvClassifier(),
    MobileNetFineTuner(),
    MobileNetFineTuner(version="v1"),
]
TUNED = {
    DenseClassifier: {"hidden_layer_sizes", "dropout", "learning_rate", "optimizer", "batch_size"},
    ConvClassifier: {"filters", "convs_per_block", "dropout", "learning_rate", "optimizer"},
    MobileNetFineTuner: {"unfreeze_from", "learning_rate", "fine_tune_learning_rate", "dropout"},
}
each_classifier = pytest.mark.parametrize("classifier", CLASSIFIERS, ids=str)


def is_valid(classifier, candidate):
    clone(classifier).set_params(**candidate)._validate_params()


@each_classifier
def test_grid_is_small_and_valid_and_within_the_ranges(classifier):
    grid = list(ParameterGrid(search_space(classifier, "grid")))
    bayes = search_space(classifier, "bayes")
    assert 8 <= len(grid) <= 24
    for candidate in grid:
        is_valid(classifier, candidate)
        assert all(value in bayes[name] for name, value in candidate.items())


@each_classifier
def test_random_draws_are_valid(classifier):
    space = search_space(classifier, "random")
    assert TUNED[type(classifier)] | {"epochs"} <= set(space)
    draws = list(ParameterSampler(space, 50, random_state=0))
    for candidate in draws:
        is_valid(classifier, candidate)
    rates = np.log10([candidate["learning_rate"] for candidate in draws])
    assert np.median(rates) == pytest.approx(-3, abs=0.3)  # log-uniform from 1e-4 to 1e-2


@each_classifier
def test_bayes_has_the_same_values(classifier):
    space = search_space(classifier, "bayes")
    assert all(isinstance(dimension, Dimension) for dimension in space.values())
    plain = search_space(classifier, "random")
    assert set(space) == set(plain)
    for name, dimension in space.items():
        if isinstance(dimension, Categorical):
            assert list(dimension.categories) == plain[name]
        elif isinstance(dimension, Integer):
            assert (dimension.low, dimension.high) == plain[name].support()
        else:
            assert (dimension.low, dimension.high) == pytest.approx(plain[name].support())
    assert isinstance(space["learning_rate"], Real)
    assert space["learning_rate"].prior == "log-uniform"
    (read,), (same,) = as_subspaces(plain, 1), as_subspaces(space, 1)
    assert read.dimensions == same.dimensions


@pytest.mark.parametrize("prefix", ["", "net__"])
def test_what_a_parameter_can_not_change_is_not_tried_twice(prefix):
    classifier = Pipeline([("net", MobileNetFineTuner())]) if prefix else MobileNetFineTuner()
    grid = list(ParameterGrid(search_space(classifier, "grid")))
    frozen = [each for each in grid if each[f"{prefix}unfreeze_from"] is None]
    rates = {each[f"{prefix}fine_tune_learning_rate"] for each in grid if each not in frozen}
    assert len(frozen) == 4
    assert len(rates) == 2
    assert not any(f"{prefix}fine_tune_learning_rate" in each for each in frozen)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_unfreeze_points_exist(version):
    points = search_space(MobileNetFineTuner(version=version), "random")["unfreeze_from"]
    layers = backbone_layers(f"mobilenet_{version}")
    indices = [unfreeze_index(layers, point) for point in points]
    assert indices[0] is None
    assert indices[1:] == sorted(indices[1:], reverse=True)


def test_a_space_is_new_each_time():
    search_space(DenseClassifier(), "grid")["dropout"].append(0.9)
    assert 0.9 not in search_space(DenseClassifier(), "grid")["dropout"]


class TestSteps:
    def test_pipelines_are_searched_for_the_classifier(self):
        pipe = make_pipeline(StandardScaler(), DenseClassifier())
        space = search_space(pipe, "grid")
        assert {name.removeprefix("denseclassifier__") for name in space} == set(
            search_space(DenseClassifier(), "grid")
        )
        assert set(space) <= set(pipe.get_params())

    def test_anything_that_holds_one_will_do(self):
        inner = Pipeline([("scale", StandardScaler()), ("net", ConvClassifier())])
        assert "estimator__net__filters" in search_space(BaggingClassifier(inner), "random")

    def test_a_step_may_be_named(self):
        two = Pipeline([("first", DenseClassifier()), ("net", ConvClassifier())])
        with pytest.raises(ValueError, match=r"choose one of step=\['first', 'net'\]"):
            search_space(two)
        assert "net__filters" in search_space(two, step="net")
        assert "clf__dropout" in search_space(DenseClassifier(), "grid", step="clf")
        with pytest.raises(ValueError, match="Pipeline has no step 'nett'"):
            search_space(two, step="nett")


class TestRefusals:
    def test_unknown_kind(self):
        with pytest.raises(ValueError, match=r"one of \['bayes', 'grid', 'optuna', 'random'\]"):
            search_space(DenseClassifier(), "halving")

    @pytest.mark.parametrize("wrap", [lambda clf: clf, lambda clf: make_pipeline(clf)])
    def test_a_network_of_your_own(self, wrap):
        with pytest.raises(ValueError, match="builds a network of yours"):
            search_space(wrap(KerasImageClassifier(model=len)))

    @pytest.mark.parametrize("wrap", [lambda clf: clf, lambda clf: make_pipeline(clf)])
    def test_another_classifier(self, wrap):
        stranger = type("DenseClassifier", (LogisticRegression,), {"__module__": "elsewhere"})
        for kind in (LogisticRegression, stranger):
            with pytest.raises(ValueError, match=f"not for {kind.__name__}"):
                search_space(make_pipeline(kind()), step=kind.__name__.lower())
            with pytest.raises(ValueError, match=r"known for classifiers of skfashion"):
                search_space(wrap(kind()))

    def test_subclasses_are_known(self):
        class Mine(DenseClassifier):
            pass

        assert search_space(Mine(), "grid") == search_space(DenseClassifier(), "grid")


class TestOptuna:
    def test_without_optuna(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "optuna", None)
        with pytest.raises(ImportError, match="pip install optuna"):
            search_space(DenseClassifier(), "optuna")

    @each_classifier
    def test_distributions(self, classifier):
        optuna = pytest.importorskip("optuna")
        space = search_space(classifier, "optuna")
        rate = optuna.distributions.FloatDistribution(1e-4, 1e-2, log=True)
        assert space["learning_rate"] == rate
        assert isinstance(space["epochs"], optuna.distributions.IntDistribution)
        trial = optuna.create_study().ask(space)
        is_valid(classifier, trial.params)


@pytest.mark.parametrize("given", ["dense", DenseClassifier, None])
def test_a_space_is_for_an_estimator(given):
    with pytest.raises(TypeError, match=r"for an estimator, such as DenseClassifier\(\), not for"):
        search_space(given)
