"""What tests of classifiers share."""

import pytest
import tiny


@pytest.fixture
def trained_on(monkeypatch):
    """The plan and the data of all trainings, as they reach the network."""
    from skfashion import _training

    seen = []
    run = _training.run

    def spy(plan, data, *args, **kwargs):
        seen.append((plan, data))
        return run(plan, data, *args, **kwargs)

    monkeypatch.setattr(_training, "run", spy)
    return seen


@pytest.fixture(scope="module")
def fitted():
    """A classifier fitted on twelve tiny images."""
    return tiny.dense().fit(tiny.X, tiny.y)
