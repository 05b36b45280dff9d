"""What the tests of saved files share: models, labels, and a look at what is refused."""

import pickle

import hostile
import joblib
import pytest
import skops.io

import skfashion


@pytest.fixture(scope="session")
def models():
    """Files of five saved models by name, as bytes."""
    return hostile.saved_models()


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Tell that `load` refuses a file, given by its content or its path, and touches nothing."""

    def refused(content, match, **options):
        path = content
        if isinstance(content, (bytes, bytearray)):
            path = tmp_path / "model"
            path.write_bytes(content)
        hostile.assert_refused(path, match, monkeypatch, tmp_path, **options)

    return refused


@pytest.fixture
def round_trip(tmp_path):
    """Save an estimator, and return what is loaded."""

    def round_trip(estimator):
        skfashion.save(estimator, tmp_path / "model")
        return skfashion.load(tmp_path / "model")

    return round_trip


@pytest.fixture
def keep(tmp_path):
    """Keep an estimator in each way there is; return functions that read it again."""

    def keep(estimator):
        pickled, dumped = pickle.dumps(estimator), skops.io.dumps(estimator)
        trusted = skops.io.get_untrusted_types(data=dumped)
        joblib.dump(estimator, tmp_path / "joblib")
        ways = [
            lambda: pickle.loads(pickled),
            lambda: joblib.load(tmp_path / "joblib"),
            lambda: skops.io.loads(dumped, trusted=trusted),
        ]
        if not hasattr(estimator, "cv"):  # of a search, its best_estimator_
            skfashion.save(estimator, tmp_path / "saved")
            ways.append(lambda: skfashion.load(tmp_path / "saved"))
        return ways

    return keep
