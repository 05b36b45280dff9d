"""Default search space of each classifier, for no search in particular."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """One of some values; `grid` are those worth a place in a grid, none leaves it out."""

    values: tuple
    grid: tuple = ()


@dataclass(frozen=True)
class Number:
    """A number between `low` and `high`, both included; an int if both are.

    With `log`, orders of magnitude are alike, rather than differences.
    """

    low: float
    high: float
    log: bool = False
    grid: tuple = ()

    @property
    def is_int(self):
        """Whether the range is one of ints."""
        return isinstance(self.low, int) and isinstance(self.high, int)


_OPTIMIZERS = Choice(("adam", "adamw", "rmsprop", "sgd"))


def _dense(classifier):
    return {
        # Text, which searchers that know no tuples can sample too.
        "hidden_layer_sizes": Choice(
            (
                *("32", "64", "128", "256", "512"),
                *("128-64", "256-128", "512-256"),
                *("256-128-64", "512-256-128"),
            ),
            grid=("128", "256-128", "512-256-128"),
        ),
        "activation": Choice(("relu", "gelu", "tanh")),
        "batch_norm": Choice((False, True)),
        "dropout": Number(0.0, 0.6, grid=(0.0, 0.3)),
        "learning_rate": Number(1e-4, 1e-2, log=True, grid=(3e-4, 1e-3)),
        "optimizer": _OPTIMIZERS,
        "batch_size": Choice((32, 64, 128, 256), grid=(32, 128)),
        "epochs": Number(5, 40),
    }


def _conv(classifier):
    return {
        "filters": Choice(
            ("16-32", "32-64", "64-128", "16-32-64", "32-64-128", "64-128-256"),
            grid=("32-64", "32-64-128"),
        ),
        "convs_per_block": Choice((1, 2), grid=(1, 2)),
        "kernel_size": Choice((3, 5)),
        "dense_units": Choice((64, 128, 256), grid=(64, 256)),
        "batch_norm": Choice((False, True)),
        "dropout": Number(0.0, 0.6),
        "learning_rate": Number(1e-4, 1e-2, log=True, grid=(3e-4, 1e-3, 3e-3)),
        "optimizer": _OPTIMIZERS,
        "batch_size": Choice((32, 64, 128, 256)),
        "epochs": Number(5, 40),
    }


def _mobilenet(classifier):
    v1 = getattr(classifier, "version", "v2") == "v1"
    # The last block, the last two, the last four: what is below sees general features.
    blocks = (
        ("conv_dw_13", "conv_dw_12", "conv_dw_10") if v1 else ("block_16", "block_15", "block_13")
    )
    return {
        "unfreeze_from": Choice((None, *blocks), grid=(None, blocks[0], blocks[-1])),
        "learning_rate": Number(1e-4, 1e-2, log=True, grid=(1e-3, 3e-3)),
        # Gentler than the head's, or the pretrained weights are lost in a few steps.
        "fine_tune_learning_rate": Number(1e-6, 1e-3, log=True, grid=(1e-5, 1e-4)),
        "dropout": Number(0.0, 0.6, grid=(0.0, 0.3)),
        "optimizer": _OPTIMIZERS,
        "batch_size": Choice((16, 32, 64)),
        "epochs": Number(3, 20),
        "fine_tune_epochs": Number(2, 20),
    }


# By name, not by class: a classifier's class pulls in what it takes to train it.
_SPACES = {
    "DenseClassifier": _dense,
    "ConvClassifier": _conv,
    "MobileNetFineTuner": _mobilenet,
}
_WITHOUT = "KerasImageClassifier"


def is_known(estimator):
    """Whether an object is a classifier of this package, with a default space or without."""
    return bool({*_SPACES, _WITHOUT} & _names(estimator))


def default_space(classifier):
    """Return the default search space of a classifier: `Choice` and `Number` by parameter name."""
    names = _names(classifier)
    for name, space in _SPACES.items():
        if name in names:
            return space(classifier)
    if _WITHOUT in names:
        raise ValueError(
            f"{_WITHOUT} builds a network of yours: only you know what its parameters are and "
            "which values make sense. Write the space by hand."
        )
    raise ValueError(
        f"Spaces are known for {', '.join(sorted(_SPACES))} and what holds one of them, "
        f"not for {type(classifier).__name__}."
    )


def _names(estimator):
    return {
        each.__name__
        for each in type(estimator).__mro__
        if each.__module__.partition(".")[0] == "skfashion"
    }
