"""What happened: tables, plots, a report, and logs for TensorBoard.

Imported when first used: pandas, matplotlib and Plotly take their time, and none of them
is needed to train.
"""

from importlib import import_module as _import_module

_PUBLIC = {
    "HistoryDisplay": "._history_display",
    "MistakesDisplay": "._mistakes_display",
    "SearchDisplay": "._search_display",
    "history_frame": "._histories",
    "prune_runs": "._runs",
    "runs_frame": "._runs",
    "write_report": "._report",
    "write_tensorboard": "._tensorboard",
}

__all__ = [
    "HistoryDisplay",
    "MistakesDisplay",
    "SearchDisplay",
    "history_frame",
    "prune_runs",
    "runs_frame",
    "write_report",
    "write_tensorboard",
]


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(_import_module(_PUBLIC[name], __name__), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
