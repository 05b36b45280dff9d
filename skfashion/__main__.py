"""``python -m skfashion``: the command line."""

import sys

from skfashion._cli._main import main

sys.exit(main())
