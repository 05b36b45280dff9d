"""The documentation says what the code does: names, order, defaults, examples."""

import doctest
import importlib.util
import inspect
import pkgutil
import re
import warnings

import numpy as np
import pytest
from estimators import NAMES, small

import skfashion

numpydoc = pytest.importorskip("numpydoc")
from numpydoc.docscrape import ClassDoc, FunctionDoc
from numpydoc.validate import validate

# What of numpydoc's list is not asked for, and why.
NOT_ASKED = {
    "GL01": "the summary stands on the line of the quotes",
    "GL08": "checked below, where it matters",
    "ES01": "one line is enough where one line says it",
    "SA01": "See Also only where there is something to see",
    "SA04": "names there speak for themselves",
    "EX01": "examples are in classes, and where they help",
    "PR01": "checked below, with defaults; methods are scikit-learn's",
    "PR08": "descriptions may begin with a value, such as 0",
    "PR09": "tables of allowed values end without a full stop",
    "RT02": "a single return value may be named",
    "RT04": "return values may begin with a dtype or a number",
    "RT05": "lists of parts of a return value end without a full stop",
    "YD01": "a context manager that yields nothing",
    "SS05": "ruff's D401 asks for the imperative, with fewer mistakes",
    "SS06": "ruff's D205 asks for it",
}


def modules():
    yield skfashion
    for info in pkgutil.walk_packages(skfashion.__path__, "skfashion."):
        # JAX is not required.
        if info.name != "skfashion.__main__" and (
            info.name != "skfashion._training.jax_loop" or importlib.util.find_spec("jax")
        ):
            yield importlib.import_module(info.name)


def public():
    """Return the public names: address -> object."""
    found = {f"skfashion.{name}": getattr(skfashion, name) for name in skfashion._PUBLIC}
    for name in skfashion._SUBPACKAGES:
        package = importlib.import_module(f"skfashion.{name}")
        found |= {
            f"skfashion.{name}.{attribute}": getattr(package, attribute)
            for attribute in package.__all__
        }
    first = {id(value): address for address, value in reversed(found.items()) if callable(value)}
    return {address: found[address] for address in first.values()}


PUBLIC = public()


def documented_methods():
    for address, value in PUBLIC.items():
        for name, method in inspect.getmembers(value, inspect.isroutine):
            is_method = inspect.isfunction(method) or inspect.ismethod(method)
            ours = is_method and method.__module__.startswith("skfashion")
            if inspect.isclass(value) and ours and not name.startswith("_"):
                yield f"{address}.{name}", method


DOCUMENTED = {**dict(documented_methods()), **PUBLIC}


def sections(value):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ClassDoc(value) if inspect.isclass(value) else FunctionDoc(value)


def signature(value):
    parameters = dict(inspect.signature(value).parameters)
    parameters.pop("self", None)
    return parameters


def documented(value):
    """Return what the docstring says of parameters: name -> type, in its order."""
    return {
        name.strip().lstrip("*"): entry.type
        for entry in sections(value)["Parameters"]
        for name in entry.name.split(",")
    }


@pytest.mark.parametrize("address", DOCUMENTED)
def test_every_parameter_is_documented_in_order_with_its_default(address):
    value = DOCUMENTED[address]
    said = documented(value)
    assert list(said) == list(signature(value))
    for name, parameter in signature(value).items():
        default = re.search(r"(?:^|, )default=(.+)$", said[name] or "")
        if said[name].lower() == "ignored":
            continue
        if parameter.default is inspect.Parameter.empty:
            assert default is None, f"{name} has no default"
            continue
        assert default is not None, f"the default of {name} is {parameter.default!r}"
        written = eval(default[1], {"np": np, "numpy": np, "nan": np.nan})
        assert written == parameter.default or np.isnan([written, parameter.default]).all(), name
        assert type(written) is type(parameter.default), name


@pytest.mark.parametrize("address", DOCUMENTED)
def test_numpydoc_finds_nothing(address):
    errors = [(code, text) for code, text in validate(address)["errors"] if code not in NOT_ASKED]
    assert errors == []


def test_everything_public_is_documented():
    for value in DOCUMENTED.values():
        assert inspect.getdoc(value), value
        if inspect.isclass(value) and hasattr(value, "fit"):
            assert sections(value)["Examples"], value


@pytest.mark.parametrize("name", NAMES)
def test_fitted_attributes_are_documented_and_there(name, images):
    clf = small(name, epochs=1).fit(*images)
    said = {entry.name for entry in sections(type(clf))["Attributes"]}
    there = {name for name in vars(clf) if name.endswith("_") and not name.startswith("_")}
    assert said - {"feature_names_in_"} == there | {"model_", "n_classes_", "loss_curve_"}


ESTIMATORS = [value for value in PUBLIC.values() if hasattr(value, "get_params")]


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_html_shows_what_each_parameter_means_and_where_the_help_is(cls):
    html = pytest.importorskip("sklearn.utils._repr_html.common")
    if not hasattr(html, "get_docstring"):
        pytest.skip("this scikit-learn shows no descriptions")
    address = next(address for address, value in PUBLIC.items() if value is cls)
    link = cls._get_doc_link(cls.__new__(cls))
    assert link.endswith(f"/{address}.html")
    for name, parameter in signature(cls).items():
        if parameter.kind is not parameter.VAR_KEYWORD:
            assert html.get_docstring(cls, "Parameters", name), name
            assert html.generate_link_to_param_doc(cls, name, link), name


@pytest.mark.parametrize("module", list(modules()), ids=lambda module: module.__name__)
def test_examples(module):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        result = doctest.testmod(module, optionflags=flags)
    assert result.failed == 0
