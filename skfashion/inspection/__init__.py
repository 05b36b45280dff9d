"""What happened: tables, plots, a report, and logs for TensorBoard, imported when first used."""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from skfashion._utils.lazy_names import lazily as _lazily

_PUBLIC = {
    "HistoryDisplay": "_history_display",
    "MistakesDisplay": "_mistakes_display",
    "SearchDisplay": "_search_display",
    "duplicate_groups": "_duplicates",
    "heatmap": "_heatmap",
    "history_frame": "_histories",
    "inspect_images": "_inspect",
    "prune_runs": "_runs",
    "runs_frame": "_runs",
    "write_report": "_report",
    "write_tensorboard": "_tensorboard",
}

__all__ = [*_PUBLIC]
__getattr__, __dir__ = _lazily(__name__, _PUBLIC)

if _TYPE_CHECKING:
    from skfashion.inspection._duplicates import duplicate_groups as duplicate_groups
    from skfashion.inspection._heatmap import heatmap as heatmap
    from skfashion.inspection._histories import history_frame as history_frame
    from skfashion.inspection._history_display import HistoryDisplay as HistoryDisplay
    from skfashion.inspection._inspect import inspect_images as inspect_images
    from skfashion.inspection._mistakes_display import MistakesDisplay as MistakesDisplay
    from skfashion.inspection._report import write_report as write_report
    from skfashion.inspection._runs import prune_runs as prune_runs
    from skfashion.inspection._runs import runs_frame as runs_frame
    from skfashion.inspection._search_display import SearchDisplay as SearchDisplay
    from skfashion.inspection._tensorboard import write_tensorboard as write_tensorboard
