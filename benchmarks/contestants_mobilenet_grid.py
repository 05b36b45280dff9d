"""A grid over both phases of fine-tuning, by us (with and without a store) and by hand."""

import os

from benchmarks import problems
from benchmarks.data import scenes
from benchmarks.peers import imagenet, mobilenet_network, two_phase_classifier


def skfashion(
    n,
    epochs,
    fine_tune_epochs,
    folds,
    size,
    memory=None,
    fused=True,
    n_jobs=1,
    augmentation=None,
):
    """Ours; with a store where `memory` names a folder, side by side with more `n_jobs`."""
    import joblib

    from benchmarks import spy

    spy.start_ours(fused=fused)
    settings = {"epochs": epochs, "fine_tune_epochs": fine_tune_epochs, "size": size}
    settings["augmentation"] = augmentation
    problem = problems.mobilenet(n, memory=memory, **settings)
    work = spy.watch()

    def run():
        with joblib.parallel_config("skfashion", n_jobs=n_jobs):
            search = problems.grid_search(problem, folds).fit(problem.X, problem.y)
        found = {**spy.step_of_ours(), **work.counts(), **problems.scores(search)}
        if memory is not None:
            found["store_bytes"] = folder_bytes(memory)
        return found

    return run


def scikeras(n, epochs, fine_tune_epochs, folds, size, augmentation=None):
    """By hand on scikeras: a new model for each fit, the backbone run in every epoch."""
    from benchmarks.spy import wake

    wake()
    imagenet(problems.ALPHA)  # the file is read once, beforehand
    estimator = two_phase_classifier()(
        model=mobilenet_network,
        model__image_size=size,
        model__alpha=problems.ALPHA,
        model__flips=augmentation == "flip",
        optimizer="adam",
        optimizer__learning_rate=1e-3,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        epochs=epochs,
        batch_size=32,
        verbose=0,
        unfreeze_from=None,
        fine_tune_epochs=fine_tune_epochs,
        fine_tune_learning_rate=1e-4,
    )
    grid = {
        "optimizer__learning_rate": list(problems.HEAD_RATES),
        "unfreeze_from": list(problems.UNFREEZE),
    }
    X, y = scenes(n, size)
    search = problems.grid_search(problems.Problem(estimator, grid, X, y), folds)

    def run():
        search.fit(X, y)
        return problems.scores(search)

    return run


def folder_bytes(folder):
    """Return the bytes of all files in a folder."""
    return sum(
        os.path.getsize(os.path.join(path, name))
        for path, _, names in os.walk(folder)
        for name in names
    )
