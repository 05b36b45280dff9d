"""The command line: ``skfashion`` and ``python -m skfashion``."""

import argparse
import atexit
import gc
import math
import os
import re
import shlex
import sys
from importlib import import_module

from skfashion._cli._console import UserError, loading, note, short_warnings
from skfashion._version import __version__

# With their sizes below; others are looked for among what is imported, which takes seconds.
_MODELS = ("dense", "conv", "mobilenet", "backbone")

_EPILOG = """examples:
  skfashion check photos/                copies, odd files and small classes in it
  skfashion search photos/               a folder of photos, one folder a class
  skfashion search                       Fashion-MNIST, about three minutes on two cores
  skfashion predict results/photos-mobilenet-bayes new/*.jpg
  skfashion predict results/photos-mobilenet-bayes new/ --csv new.csv
  skfashion evaluate results/photos-mobilenet-bayes other-photos/
  skfashion export results/photos-mobilenet-bayes photos.tflite
  skfashion info results/photos-mobilenet-bayes
  skfashion runs results/photos-mobilenet-bayes
"""

_DATA = (
    "fashion-mnist, digits (scikit-learn's), a folder of images that holds one folder a "
    "class, or folders train and test (or val) that do, or a table (.csv, .tsv) with columns file "
    "and label, its files relative to it"
)


def main(argv=None):
    """Run a command."""
    argv = sys.argv[1:] if argv is None else list(argv)
    # Only here: a library changes nobody's environment.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return 0
    arguments.typed = shlex.join(["skfashion", *argv])
    # At exit Python looks for garbage among all that was imported, which takes a second.
    atexit.register(gc.freeze)
    sys.stdout.reconfigure(errors="backslashreplace", line_buffering=True)
    try:
        with short_warnings():
            with loading():
                module = import_module(f"skfashion._cli._{arguments.command}")
            return getattr(module, arguments.command)(arguments) or 0
    except UserError as error:
        note(f"skfashion: error: {error}")
        return 2
    except KeyboardInterrupt:
        if arguments.command == "search":
            note(f"Stopped. The same command goes on from here: {arguments.typed}")
        return 130
    except BrokenPipeError:
        # Somebody closed the pipe, as `head` does; Python would fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message}; see {self.prog} --help\n")


def _parser():
    parser = _Parser(
        prog="skfashion",
        description="Tune, use and test Keras image classifiers.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"skfashion {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    _add_search(commands)
    predict = _add(commands, "predict", "say what images show", _predict_text)
    _add_model(predict)
    text = "image files, and folders of them"
    predict.add_argument("images", metavar="IMAGE", nargs="+", help=text)
    text = "classes to name (default: 1)"
    predict.add_argument("--top", type=_number(1), default=1, metavar="N", help=text)
    predict.add_argument("--csv", metavar="FILE", help="write the table to this file")
    evaluate = _add(commands, "evaluate", "test a model on images with labels", _evaluate_text)
    _add_model(evaluate)
    evaluate.add_argument("data", metavar="DATA", help=_DATA)
    export = _add(commands, "export", "write a model for other programs", _export_text)
    _add_model(export)
    text = "what to write: a name ending in .tflite, .onnx or .keras, or that of a folder"
    export.add_argument("path", metavar="PATH", help=text)
    text = (
        "data it was trained on, a folder or as for search: a .tflite then computes in whole "
        "numbers, by what 300 of these images show"
    )
    export.add_argument("--int8", dest="sample", metavar="DATA", help=text)
    _add_model(_add(commands, "info", "say what a model is and how it came about", _info_text))
    check = _add(commands, "check", "say what is wrong with images and labels", _check_text)
    check.add_argument("data", metavar="DATA", help=_DATA)
    check.add_argument("--csv", metavar="FILE", help="write all that is found to this file")
    runs = _add(commands, "runs", "list the candidates kept in a folder", _runs_text)
    runs.add_argument("folder", metavar="DIR", help="folder of a search, or what was its --memory")
    text = "first remove what is damaged or was left behind"
    runs.add_argument("--prune", action="store_true", help=text)
    text = "prune, and remove what was used least recently until N bytes are left"
    runs.add_argument("--max-bytes", type=_number(0), metavar="N", help=text)
    return parser


_search_text = """Tune a classifier by cross-validation, train the best candidate, and test it on
images that took no part. Without arguments: a dense network on Fashion-MNIST.

Of a folder all images are used. Where it has no folder train with test (or val, valid,
validation) beside it, one image in five of each class is kept for the test. Its model is
mobilenet where the shorter side of the images is 64 pixels or more in the median, or else
conv; so it is where the ImageNet weights of mobilenet can't be had. --backbone takes a larger
network. For both, files are read at 224 pixels where that median is 160 or more, else at the
next smaller of 192, 160, 128 and 96; smaller where all images would take more than 1.5 GiB.

Of Fashion-MNIST dense compares candidates on 10,000 images and trains on 60,000, conv on
3,000 and 12,000, mobilenet and backbone on 1,000 and 3,000.

Stopped or killed, the same command goes on where it was, and so does one with more
candidates. Other images or settings get a folder of their own. In the folder --out it leaves
model.skfashion, report.html, cv_results.csv, summary.txt, summary.json and memory/."""

_predict_text = """Print file, label and probability of each image: a table on a terminal,
separated by tabs elsewhere. Of a model for several labels, those an image has, and the
probability of every one.

Files are read as the model's own reader does. A model trained on Fashion-MNIST or digits
gets them at its size and in grey; those pictures are light things on black, so invert photos
of dark things on white first. A note tells of images that look unlike those a search has
trained the model on.

A model's file is what `skfashion search` and skfashion.save leave; whoever made it, nothing
of theirs is run. A pickle or joblib file can run code, and is taken with --trust-pickle only.
Names that can't be printed in one line are given as Python writes them, in quotes."""

_evaluate_text = """Print the accuracy and a line for each class.

Takes the test images where the data has such a part: of Fashion-MNIST and digits, and the
folder test of a folder, or else val, valid or validation. Any other folder is taken as a
whole, so that what the model was trained on counts, too, if it is in there."""

_export_text = """Write a model so that it runs without this package: .tflite for phones, .onnx,
.keras, or a folder with a SavedModel for TensorFlow Serving. Needs pip install skfashion[export].

It takes uint8 images of the size its reader brings files to, and gives what `skfashion predict`
does. Labels are in it: labels.txt in .tflite and .keras, which are zips as well, and in the
folder; of .onnx the metadata labels."""

_info_text = """Print the classes of a model, its size, and, from summary.json beside it, its
accuracy, data, date and versions."""

_check_text = """Print counts and sizes, and what is found before anything is trained: files that
can't be read, copies and near copies (between classes, and between train and test), images unlike
all others, blank ones, odd sizes, and classes with few images. Nothing is changed.

A near copy differs by 8 of 255 grey levels at most, as a root mean square of its pixels at 32 x 32.
Once a search has compared candidates, skfashion.inspection.inspect_images(X, y, search) says which
labels its models contradict, too."""

_runs_text = """List the candidates whose fits a folder keeps, the last used first."""


def _add(commands, name, summary, text):
    form = argparse.RawDescriptionHelpFormatter
    return commands.add_parser(name, help=summary, description=text, formatter_class=form)


def _add_model(parser):
    parser.add_argument("model", metavar="MODEL", help="model.skfashion of a search, or its folder")
    parser.add_argument(
        "--trust-pickle",
        action="store_true",
        help="MODEL may be a pickle or joblib file, which runs whatever code its maker put in",
    )


def _add_search(commands):
    parser = _add(commands, "search", "find good parameters and train with them", _search_text)
    parser.add_argument("data", metavar="DATA", nargs="?", help=_DATA)
    text = f"{', '.join(_MODELS)} (default: what suits the images, see above)"
    parser.add_argument("--model", metavar="NAME", help=text)
    parser.add_argument("--kind", choices=("bayes", "grid", "random", "hyperband"), default="bayes")
    for name, kind, text in (
        ("candidates", _number(1), "settings to try (default: dense 16, conv, mobilenet and "
         "backbone 6)"),
        ("folds", _number(2), "folds of the cross-validation (default: 3)"),
        ("epochs", _number(1), "passes over the images (default: dense 15, conv, mobilenet and "
         "backbone 8; hyperband: at most, 27)"),
        ("images", _number(1), "images to train on at most (default: see above)"),
        ("sample", _number(1), "how many to compare candidates on (default: see above)"),
        ("size", _number(1), "height and width, pixels, files are brought to (default: dense 32, "
         "conv 64, mobilenet and backbone see above)"),
        ("minutes", _number(1), "time for all, of which candidates get four fifths"),
        ("seed", _number(0, 2**32 - 1), "seed of everything random (default: 0)"),  # NumPy's most
        ("jobs", _number(-1, but=0), "processes to fit in, -1 for as many as cores (default: "
         "threads of one, on a CPU)"),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=kind, metavar="N", help=text)
    parser.set_defaults(folds=3, seed=0)
    for name, metavar, text in (
        ("scoring", "NAME", "scikit-learn's name of a score (default: accuracy)"),
        ("backbone", "NAME", "network of --model backbone, such as mobilenet_v3_large or "
         "resnet50_v2 (default: efficientnet_v2_b0)"),
        ("augmentation", "NAMES", "random changes in training, such as flip+shift"),
        ("out", "DIR", "folder of the results (default: results/DATA-MODEL-KIND)"),
        ("memory", "DIR", "folder of finished fits (default: OUT/memory)"),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", metavar=metavar, help=text)
    text = "weigh rare classes as much as frequent ones"
    parser.add_argument("--class-weight", choices=("balanced",), help=text)
    text = "width of mobilenet (default: 0.35, the least)"
    parser.add_argument("--alpha", type=float, metavar="X", help=text)


def _number(least, most=math.inf, but=None):
    """Return a reader of whole numbers in a range, of which one may be left out."""
    wanted = f"from {least} " + ("on" if most == math.inf else f"to {most}")

    def read(text):
        number = int(text) if re.fullmatch("-?[0-9]+", text) else but
        if number == but or not least <= number <= most:
            left_out = "" if but is None else f" but {but}"
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {wanted}{left_out}")
        return number

    return read
