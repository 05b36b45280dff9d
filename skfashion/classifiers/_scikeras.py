"""The only room that imports scikeras: builds and compiles what an estimator asks for.

scikeras routes parameters to a model function, to optimizer, loss, metrics and callbacks. Its
scikit-learn contract, its labels and its training loop are not used: these are ours.
"""

import copy
import functools
import inspect
import sys

import keras
import numpy as np

from skfashion._training import build_scope, compile_config
from skfashion._utils.messages import shown

_PATCHED = (
    (keras.Model, "__reduce__"),
    (keras.Model, "__deepcopy__"),
    (keras.losses.Loss, "__reduce__"),
    (keras.metrics.Metric, "__reduce__"),
    (keras.optimizers.Optimizer, "__reduce__"),
)


def _import_scikeras():
    """Import scikeras without the five methods of Keras it replaces on import."""
    if "scikeras" in sys.modules:
        # The user's own import: what it changed, the user asked for.
        import scikeras.wrappers

        return scikeras.wrappers
    before = [vars(owner).get(name) for owner, name in _PATCHED]
    try:
        import scikeras.wrappers
    finally:
        for (owner, name), method in zip(_PATCHED, before, strict=True):
            if method is not None:
                setattr(owner, name, method)
            elif name in vars(owner):
                delattr(owner, name)
    return scikeras.wrappers


@functools.cache
def _wrapper_class():
    class Wrapper(_import_scikeras().KerasClassifier):
        """scikeras' wrapper with its data checks off: what comes in has been checked."""

        def _validate_data(self, X=None, y=None, reset=False, y_numeric=False):
            return X, y

    return Wrapper


class Adapter:
    """One network of scikeras' making, and its parts."""

    def __init__(self, model, parameters):
        if isinstance(model, keras.Model):
            raise TypeError(
                "model must be a function that returns a network, and this is a network, which "
                "fits would share: give lambda: keras.models.clone_model(network)."
            )
        if not inspect.isfunction(model):
            model = functools.partial(model)  # scikeras knows functions and partials only
        parameters = {**parameters, "loss": _configurable(parameters)}
        # No seed: scikeras would switch the global random state and op determinism.
        self._wrapper = _wrapper_class()(model=model, random_state=None, **parameters)
        self._wrapper._random_state = None
        self._wrapper.classes_ = None

    def describe(self, classes, X_shape, X_dtype):
        """Tell the model function what it may ask for as ``meta``; X_shape begins with None."""
        self._wrapper.classes_ = classes
        self._wrapper.n_classes_ = len(classes)
        self._wrapper.n_outputs_ = self._wrapper.n_outputs_expected_ = 1
        self._wrapper.target_type_ = "binary" if len(classes) == 2 else "multiclass"
        self._wrapper.X_shape_ = tuple(X_shape)
        self._wrapper.X_dtype_ = np.dtype(X_dtype)
        self._wrapper.n_features_in_ = X_shape[1]

    def network(self):
        """Build the network."""
        return self._wrapper._build_keras_model()

    @property
    def compiles_inside(self):
        """Whether the model function is given what to compile with."""
        given = inspect.signature(self._wrapper.model).parameters.values()
        return any(p.name == "compile_kwargs" or p.kind is p.VAR_KEYWORD for p in given)

    def compile_data(self):
        """Return what to compile with, as data: see `skfashion._training.compile_config`."""
        given = self._wrapper.optimizer
        kind = given if isinstance(given, type) else type(given)
        if not issubclass(kind, (str, keras.optimizers.Optimizer)):
            raise TypeError(
                f"optimizer={shown(given)} is not a Keras optimizer: give a name such as 'adam', "
                "or a class such as keras.optimizers.Adam."
            )
        try:
            # Keras numbers what it names, and a metric's name is that of a column.
            with build_scope(0):
                arguments = self._wrapper._get_compile_kwargs()
        except ValueError as error:
            if "identifier" not in str(error):
                raise
            raise ValueError(
                f"{error}. Give a name as in keras.losses, keras.metrics or keras.optimizers, "
                "or a class from there."
            ) from None
        return compile_config.as_data(arguments)

    def callbacks(self):
        """Return new callbacks, made or copied from what was given."""
        self._wrapper._initialize_callbacks()
        return [copy.deepcopy(c) for given in self._wrapper._fit_callbacks for c in _listed(given)]


def _configurable(parameters):
    """Return the loss; its class, if it comes by name and with settings."""
    loss = parameters.get("loss")
    if isinstance(loss, str) and any(name.startswith("loss__") for name in parameters):
        name = "".join(part[:1].upper() + part[1:] for part in loss.split("_"))
        return getattr(keras.losses, name, loss)
    return loss


def _listed(callback):
    return callback if isinstance(callback, list) else [callback]
