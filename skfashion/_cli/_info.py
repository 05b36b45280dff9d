"""``skfashion info``: what a model is, and what its search has told."""

import os
from pathlib import Path

from rich.filesize import decimal

from skfashion._cli._console import loading, note
from skfashion._cli._place import TEXT, file_digest, read_summary
from skfashion._cli._predict import load_model, model_file, reader_of, steps_of
from skfashion._utils.image_files import shown_name
from skfashion._utils.images import size_of
from skfashion._utils.tables import table


def info(arguments):
    """Carry out ``skfashion info``: a table, and below it the summary of the search."""
    file = model_file(arguments.model)
    with loading():
        model = load_model(arguments.model, trust_pickle=arguments.trust_pickle)
        rows = list(_rows(file, model))
    print(table([[name, shown_name(text)] for name, text in rows]))
    folder = os.path.dirname(file)
    if read_summary(folder).get("model_digest") != file_digest(file):
        note("note: no summary.json of this model lies beside it, so nothing more is known")
        return
    print(f"\n{Path(folder, TEXT).read_text('utf-8').rstrip()}")


def _rows(file, model):
    yield "model", f"{file} ({decimal(os.path.getsize(file))})"
    classes = model.classes_.astype(str)
    more = f" and {len(classes) - 20} more" if len(classes) > 20 else ""
    yield "classes", f"{len(classes)}: {', '.join(classes[:20])}{more}"
    first, last = steps_of(model)[0], steps_of(model)[-1]
    yield "classifier", type(last).__name__
    if hasattr(model, "estimators_"):
        yield "ensemble", f"{len(model.estimators_)} together, of which the first is told"
    if hasattr(last, "model_"):
        yield "weights", f"{last.model_.count_params():,}"
    if reader_of(model):
        yield "takes", "image files, brought to {} x {} pixels".format(*size_of(first.size))
    elif hasattr(first, "image_shape_"):
        yield "takes", "images of {} x {} pixels and {} channels".format(*first.image_shape_)
