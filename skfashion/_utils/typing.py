"""Names for the hints of public signatures.

At run time most are `Any`: hints must not load what they name. Type checkers read the other half.
"""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

PathLike = str | os.PathLike[str]
Size = int | tuple[int, int]
Shape = tuple[int, ...]
Sizes = int | tuple[int, ...] | str
PixelRange = Literal["auto", "0-255", "0-1", "-1-1", "as-is"] | tuple[float, float]

if TYPE_CHECKING:
    import joblib
    import keras
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    from matplotlib.axes import Axes as _Axes
    from sklearn.model_selection import BaseCrossValidator
    from typing_extensions import Self

    Array = npt.ArrayLike
    NDArray = np.ndarray[Any, Any]
    Frame = pd.DataFrame
    RandomState = int | np.random.RandomState | None
    MemoryLike = PathLike | joblib.Memory | None
    Axes = _Axes
    Model = keras.Model
    Optimizer = str | type[keras.optimizers.Optimizer]
    Loss = str | Callable[..., Any]
    ClassWeight = Mapping[Any, float] | Literal["balanced"] | None
    Callbacks = Any
    Splitter = BaseCrossValidator

    class Estimator(Protocol):
        """A fitted estimator, which has some of these and may have others."""

        classes_: NDArray

        def predict(self, X: Array) -> NDArray: ...
        def predict_proba(self, X: Array) -> NDArray: ...
        def transform(self, X: Array) -> NDArray: ...
        def score(self, X: Array, y: Array) -> float: ...
        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def __getattr__(self, name: str) -> Any: ...
else:
    Self = Array = NDArray = Estimator = Frame = RandomState = MemoryLike = Axes = Model = Any
    Optimizer = Loss = ClassWeight = Callbacks = Splitter = Any
