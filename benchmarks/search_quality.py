"""How good is the best after 8, 16, 24 and 48 candidates? Searches over the emulators.

    python -m benchmarks.search_quality dense bayes random tpe gp   # forty runs each, resumed
    python -m benchmarks.search_quality                             # the table, of what there is

Each run is kept as soon as it is done. `gp` needs PyTorch.
"""

import json
import sys

import numpy as np

from benchmarks.emulators import Emulated, emulator
from benchmarks.measure import CLASSIFIERS, TABLES

RUNS, N, AFTER = 40, 48, (8, 16, 24, 48)
_NAMES = {"bayes": "BayesSearchCV", "random": "random", "tpe": "Optuna, TPE", "gp": "Optuna, GP"}


def bayes(problem, space, turn):
    """Our BayesSearchCV, as it is by default."""
    from skfashion.model_selection import BayesSearchCV

    # One split of nothing: an emulator's score needs no images.
    search = BayesSearchCV(
        Emulated(problem, turn),
        space("bayes"),
        n_iter=N,
        cv=[([0], [0])],
        refit=False,
        random_state=turn,
    )
    return search.fit([[0]], [0]).cv_results_["params"]


def random(problem, space, turn):
    """scikit-learn's sampler."""
    from sklearn.model_selection import ParameterSampler

    return list(ParameterSampler(space("random"), N, random_state=turn))


def tpe(problem, space, turn):
    """Optuna's default."""
    from optuna.samplers import TPESampler

    return _optuna(problem, space, turn, TPESampler(seed=turn))


def gp(problem, space, turn):
    """Optuna's Gaussian process."""
    from optuna.samplers import GPSampler

    return _optuna(problem, space, turn, GPSampler(seed=turn))


def _optuna(problem, space, turn, sampler):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study, settings = optuna.create_study(direction="maximize", sampler=sampler), []
    for _ in range(N):
        trial = study.ask(space("optuna"))
        settings.append(trial.params)
        study.tell(trial, emulator(problem).score(trial.params, turn))
    return settings


def run(problem, searchers):
    """Run searches and keep the scores of their candidates, in order."""
    import skfashion
    from skfashion.model_selection import search_space

    classifier = getattr(skfashion, CLASSIFIERS[problem])()
    path = TABLES / f"searches_{problem}.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    for name in searchers:
        runs = kept.setdefault(name, [])
        while len(runs) < RUNS:
            turn = len(runs)
            settings = globals()[name](problem, lambda kind: search_space(classifier, kind), turn)
            runs.append([round(emulator(problem).score(each, turn), 5) for each in settings])
            path.write_text(json.dumps(kept).replace("]], ", "]],\n").replace("], [", "],\n["))


def table():
    """Print medians of the best score, and how often what was chosen beat what was drawn."""
    for problem in CLASSIFIERS:
        path = TABLES / f"searches_{problem}.json"
        if not path.exists():
            continue
        print(
            f"\n| {problem} | runs | {' | '.join(f'after {n}' for n in AFTER)} | 9-16 above 1-8 |"
        )
        print(f"|---|{'---|' * (len(AFTER) + 2)}")
        for name, runs in json.loads(path.read_text()).items():
            scores = np.array(runs)
            best = [f"{np.median(scores[:, :n].max(1)):.4f}" for n in AFTER]
            above = np.mean(scores[:, 8:16].mean(1) > scores[:, :8].mean(1))
            print(f"| {_NAMES[name]} | {len(runs)} | {' | '.join(best)} | {above:.0%} |")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run(sys.argv[1], sys.argv[2:])
    table()
