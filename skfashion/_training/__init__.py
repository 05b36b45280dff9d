"""How a fit is carried out: what of a plan still has to run, and running it.

Knows Keras and NumPy, not scikit-learn.
"""

from skfashion._training import jobs as _jobs  # registers the joblib backend
from skfashion._training.custom import (
    build,
    describe_network,
    network_of,
    write_down_statistics,
)
from skfashion._training.features import features_info
from skfashion._training.heat import heat
from skfashion._training.inference import export, frozen_rows, n_frozen, predict, untraced
from skfashion._training.keys import structure_of, weights_digest
from skfashion._training.loops import to_arrays
from skfashion._training.phases import NotKeptError, next_phase, only_kept, run
from skfashion._training.plan import Data, EarlyStopping, Phase, Plan, Start
from skfashion._training.processes import has_idle_cores, prepare_process, share_cores
from skfashion._training.programs import initial_weights, programs_info
from skfashion._training.runs import State
from skfashion._training.seeding import build_scope, checked_policy
from skfashion._training.stack import fits_at_once, stacks_fits, together
