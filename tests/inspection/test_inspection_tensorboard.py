"""A search for TensorBoard, read back from its event files."""

import math

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

from skfashion.inspection import history_frame, write_tensorboard

pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.util import tensor_util


def scalars(folder):
    events = EventAccumulator(str(folder)).Reload()
    return {
        tag: [tensor_util.make_ndarray(event.tensor_proto).item() for event in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
        if not tag.startswith("_hparams_")
    }


def hparams(folder, name, parse):
    content = EventAccumulator(str(folder)).Reload().summary_metadata
    return parse(content[f"_hparams_/{name}"].plugin_data.content)


def experiment(folder):
    return hparams(folder, "experiment", metadata.parse_experiment_plugin_data)


def started(folder, candidate):
    """Return the hyperparameters of a candidate."""
    folder = folder / f"candidate_{candidate + 1:03d}"
    parse = metadata.parse_session_start_info_plugin_data
    return hparams(folder, "session_start_info", parse).hparams


def test_a_run_per_candidate_and_fold(search, tmp_path):
    folder = write_tensorboard(search, tmp_path / "logs")
    assert folder == tmp_path / "logs"
    frame = history_frame(search)
    frame = frame[frame["fold"].notna()]
    for i in range(8):
        run = folder / f"candidate_{i + 1:03d}"
        for fold in (0, 1):
            mine = frame[(frame["candidate"] == i) & (frame["fold"] == fold)]
            written = scalars(run / f"fold_{fold}")
            np.testing.assert_allclose(written["loss"], mine["loss"], rtol=1e-6)
            np.testing.assert_allclose(written["accuracy"], mine["accuracy"], rtol=1e-6)
        means = frame[frame["candidate"] == i].groupby("epoch")["loss"].mean()
        written = scalars(run)
        np.testing.assert_allclose(written["loss"], means, rtol=1e-6)
        metrics = {"loss", "accuracy", "learning_rate"}
        assert set(written) == metrics | {"mean_test_score", "mean_fit_time"}
        score = search.cv_results_["mean_test_score"][i]
        assert math.isclose(written["mean_test_score"][0], score, rel_tol=1e-6)
    refit = scalars(folder / f"candidate_{search.best_index_ + 1:03d}" / "refit")
    np.testing.assert_allclose(refit["loss"], search.best_estimator_.history_["loss"], rtol=1e-6)


def test_hparams(search, tmp_path):
    folder = write_tensorboard(search, tmp_path)
    told = experiment(folder)
    assert {info.name for info in told.hparam_infos} == set(search.cv_results_["params"][0])
    assert told.metric_infos[0].name.tag == "mean_test_score"
    for i, params in enumerate(search.cv_results_["params"]):
        written = started(folder, i)
        assert written["learning_rate"].number_value == params["learning_rate"]
        assert written["hidden_layer_sizes"].string_value == str(params["hidden_layer_sizes"])
        parse = metadata.parse_session_end_info_plugin_data
        end = hparams(folder / f"candidate_{i + 1:03d}", "session_end_info", parse)
        assert end.status == api_pb2.STATUS_SUCCESS


def test_runs_are_not_mixed(search, tmp_path):
    write_tensorboard(search, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FileExistsError, match="another folder"):
        write_tensorboard(search, tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(TypeError, match="not a search"):
        write_tensorboard(search.best_estimator_, tmp_path / "other")


def test_numbers_among_text_are_declared_and_written_as_text_of_any_search(images, tmp_path):
    X, y = images
    search = GridSearchCV(DecisionTreeClassifier(), {"max_features": [None, 1.0]}, cv=2)
    folder = write_tensorboard(search.fit(X.reshape(60, -1), y), tmp_path)
    (info,) = experiment(folder).hparam_infos
    declared = {value.string_value for value in info.domain_discrete.values}
    assert {started(folder, i)["max_features"].string_value for i in range(2)} == declared
    assert declared == {"None", "1"}
