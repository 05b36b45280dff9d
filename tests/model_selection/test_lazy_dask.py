"""Under Dask names of files travel, not pixels, and each worker reads its own."""

import pickle
import sys

import joblib
import numpy as np
import pytest
from estimators import on_small_backbone
from PIL import Image
from sklearn.model_selection import GridSearchCV

import skfashion
from skfashion.datasets import make_images
from skfashion.preprocessing import ImageReader

distributed = pytest.importorskip("distributed")
N = 30


def decoded():
    return skfashion.cache_info()["images"]["decoded"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_workers_read_the_files(tmp_path):
    images, y = make_images(N, n_classes=2, image_size=64, channels=3, random_state=0)
    names = [str(tmp_path / f"{i}.png") for i in range(N)]
    for image, name in zip(images, names, strict=True):
        Image.fromarray(image).save(name)
    X = ImageReader(64, lazy=True).transform(names)
    # Dask sends an argument once where its size is above 1,000 bytes.
    assert 1000 < sys.getsizeof(X) < X.nbytes / 50
    assert len(pickle.dumps(X)) < X.nbytes / 50
    search = GridSearchCV(on_small_backbone(), {"dropout": [0.0, 0.2]}, cv=2, refit=False)
    options = {"host": "127.0.0.1", "dashboard_address": None}
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, **options)
    before = decoded()
    with cluster, distributed.Client(cluster) as client:
        with joblib.parallel_config("dask"):
            search.fit(X, y)
        assert sum(client.run(decoded).values()) >= N
    assert decoded() == before
    alone = GridSearchCV(on_small_backbone(), {"dropout": [0.0, 0.2]}, cv=2, refit=False)
    scores = (each.cv_results_["mean_test_score"] for each in (search, alone.fit(images, y)))
    np.testing.assert_array_equal(*scores)
