"""Class docstrings completed with what several classes share."""

import inspect
import json
import re
from textwrap import indent

_SECTION = r"(?ms)^{}\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)"


def complete(cls, parameters, attributes):
    """Describe in a class's docstring its base's parameters and others: name -> (type, text)."""
    if "----" not in (cls.__doc__ or ""):
        return
    doc = inspect.cleandoc(cls.__doc__)
    signature = dict(list(inspect.signature(cls.__init__).parameters.items())[1:])
    base = inspect.cleandoc(cls.__base__.__doc__ or "")
    inherited, described = _entries(base, "Parameters"), {}
    for name, parameter in signature.items():
        suffix = ""
        if (default := parameter.default) is not parameter.empty:
            default = json.dumps(default) if isinstance(default, str) else repr(default)
            suffix = f", default={default}"
        if name in inherited:
            head, _, text = inherited[name].partition("\n")
            described[name] = f"{head.partition(', default=')[0]}{suffix}\n{text}"
        elif name in parameters:
            kind, text = parameters[name]
            described[name] = _entry(name, f"{kind}{suffix}", text)
    described |= _entries(doc, "Parameters")
    order = [name for name in signature if name in described]
    order += [name for name in described if name not in order]
    doc = _with_section(doc, "Parameters", [described[name] for name in order])
    own = {**_entries(base, "Attributes"), **_entries(doc, "Attributes")}
    shared = {name: _entry(name, *attributes[name]) for name in attributes if name not in own}
    doc = _with_section(doc, "Attributes", [*shared.values(), *own.values()])
    cls.__doc__ = doc.rstrip() + "\n"


def _entry(name, kind, text):
    return f"{name} : {kind}\n{indent(inspect.cleandoc(text), '    ')}"


def _entries(doc, section):
    """Return the entries of a numpydoc section: name -> its lines."""
    found = re.search(_SECTION.format(section), doc)
    parts = re.split(r"(?m)^(?=\S)", found[1].rstrip()) if found else []
    return {re.match(r"\**(\w+)", part)[1]: part.rstrip() for part in parts if part.strip()}


def _with_section(doc, section, entries):
    text = f"{section}\n{'-' * len(section)}\n" + "\n".join(entries) + "\n\n"
    found = re.search(_SECTION.format(section), doc)
    if found:
        return doc[: found.start()] + text + doc[found.end() :]
    before = re.search(_SECTION.format("Parameters"), doc)
    at = before.end() if before else re.search(_SECTION.format(r"\w[\w ]*"), doc).start()
    return doc[:at] + text + doc[at:]
