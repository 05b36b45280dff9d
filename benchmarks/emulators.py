"""Problems that are searched in no time: trees fitted to the tables of `measure`."""

import json
import zlib
from functools import cache

import numpy as np
from scipy.stats import spearmanr
from sklearn.base import BaseEstimator
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import cross_val_predict

from benchmarks.measure import TABLES


class Emulator:
    """Scores settings as they would score on average, and with the noise of a training.

    Attributes
    ----------
    noise : float
        Standard deviation among the scores of one setting, for the better half of them.

    foretold : float
        Rank correlation of scores and what is foretold of settings left out, in the better half.
    """

    def __init__(self, name):
        table = json.loads((TABLES / f"{name}.json").read_text())["settings"]
        scores = [setting.pop("scores") for setting in table]
        y = np.array([np.mean(each) for each in scores])
        self._values = {name: list({row[name]: None for row in table}) for name in table[0]}
        # Among errors, not accuracies, half as many is a step as large for good and for bad.
        X, errors = self._encode(table), np.log(1 - y)
        trees = GradientBoostingRegressor(
            n_estimators=200, learning_rate=0.05, max_depth=4, subsample=0.7, random_state=0
        )
        good = y >= np.median(y)
        left_out = cross_val_predict(trees, X, errors, cv=6)
        self.foretold = spearmanr(left_out[good], errors[good]).statistic
        repeated = sorted((each for each in scores if len(each) > 1), key=np.mean)
        better = repeated[len(repeated) // 2 :]
        self.noise = np.sqrt(np.mean([np.var(each, ddof=1) for each in better]))
        self._trees = trees.fit(X, errors)

    def true(self, setting):
        """Return the mean score of a setting."""
        return float(1 - np.exp(self._trees.predict(self._encode([setting]))[0]))

    def score(self, setting, turn):
        """Return a score as trained: the same for one setting and turn."""
        seed = zlib.crc32(repr((turn, sorted(setting.items()))).encode())
        return self.true(setting) + np.random.default_rng(seed).normal(0, self.noise)

    def _encode(self, settings):
        """Return columns for trees: numbers as they are, of "256-128" the units and the layers."""
        rows = []
        for setting in settings:
            row = []
            for name, values in self._values.items():
                value = setting[name]
                if isinstance(values[0], (int, float)):
                    row.append(value)
                    continue
                row += [value == each for each in values]
                if str(value)[0].isdigit():
                    units = list(map(int, value.split("-")))
                    row += [sum(units), len(units)]
            rows.append(row)
        return np.array(rows, np.float32)


emulator = cache(Emulator)


class Emulated(BaseEstimator):
    """The estimator that is tuned: its parameters are those of the problem."""

    def __init__(self, problem="dense", turn=0, **setting):
        self.problem = problem
        self.turn = turn
        self.setting = setting

    def get_params(self, deep=True):
        """Return the parameters."""
        return {"problem": self.problem, "turn": self.turn, **self.setting}

    def set_params(self, **params):
        """Set parameters, which need not be known."""
        self.__init__(**{**self.get_params(), **params})
        return self

    def fit(self, X, y):
        """Train nothing."""
        return self

    def score(self, X, y):
        """Return the score of the setting."""
        return emulator(self.problem).score(self.setting, self.turn)
