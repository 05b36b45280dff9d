"""How a fit is carried out: what of a plan still has to run, and running it.

Knows Keras and NumPy, not scikit-learn.
"""

from skfashion._training.custom import build, describe_network, key_and_rates, network_of
from skfashion._training.features import clear_features, features_info
from skfashion._training.inference import export, predict
from skfashion._training.optimizers import describe as describe_optimizer
from skfashion._training.phases import next_phase, one_phase, run
from skfashion._training.plan import Data, EarlyStopping, Phase, Plan, frozen, weights_digest
from skfashion._training.processes import prepare_process
from skfashion._training.programs import clear_programs, programs_info
from skfashion._training.runs import State, as_columns, as_rows
from skfashion._training.seeding import build_scope
from skfashion._training.settings import keras_settings

__all__ = [
    "Data",
    "EarlyStopping",
    "Phase",
    "Plan",
    "State",
    "as_columns",
    "as_rows",
    "build",
    "build_scope",
    "clear_features",
    "clear_programs",
    "describe_network",
    "describe_optimizer",
    "export",
    "features_info",
    "frozen",
    "keras_settings",
    "key_and_rates",
    "network_of",
    "next_phase",
    "one_phase",
    "predict",
    "prepare_process",
    "programs_info",
    "run",
    "weights_digest",
]
