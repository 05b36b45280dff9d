"""The structure of a saved model: read node by node, and written anew from what was understood.

`skops.io` keeps a tree of nodes that say how to build a value. Of its kinds the few below
are enough for models; each must have exactly the fields it is written with. What `skops.io`
builds in the end is not the file but the copy made here, so both can't be read differently.
"""

import json
from dataclasses import dataclass, field

from skfashion._persistence import _archive, _types
from skfashion._persistence._archive import ModelFileError, Stored

_MAX_DEPTH = 100
_SCALARS = ("float16", "float32", "float64", "str_", "bool", "bool_") + tuple(
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
)
_KEYS = {"builtins": ("str", "int", "float"), "numpy": _SCALARS}
_COMMON = {"__class__", "__module__", "__loader__"}
_LIST = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode"}


@dataclass(frozen=True)
class Named:
    """A class or function that is named, not held.

    Attributes
    ----------
    module, name : str
        Where it is public.
    """

    module: str
    name: str


@dataclass
class Held:
    """An estimator that is going to be built.

    Attributes
    ----------
    name : str
        Of its class, one of `skfashion._persistence._types.OBJECTS`.
    state : dict
        Its attributes: plain values, arrays as `Stored`.
    network : dict
        What the network of a classifier was found to be.
    """

    name: str
    state: dict
    network: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Content:
    """A saved model that has been read and not yet built.

    Attributes
    ----------
    value : object
        What it is, in plain values, `Stored`, `Named` and `Held`.
    archive : bytes
        The same, as a file of `skops.io`.
    trusted : list of str
        The types it is made of, beside those that `skops.io` trusts by itself.
    """

    value: object
    archive: bytes
    trusted: list


def read_content(data, max_bytes):
    """Read a file as far as it is plain data.

    Parameters
    ----------
    data : bytes
        Of the whole file.
    max_bytes : int
        Bytes that all arrays may have together.

    Returns
    -------
    Content

    Raises
    ------
    ModelFileError
        If it holds anything that isn't of the lists.
    """
    members = _archive.read_members(data)
    try:
        schema = json.loads(members.pop(_archive.SCHEMA))
    except (ValueError, RecursionError):
        raise ModelFileError(f"its {_archive.SCHEMA} is no JSON") from None
    if not isinstance(schema, dict):
        raise ModelFileError(f"its {_archive.SCHEMA} is no JSON object")
    head = {name: schema.pop(name, None) for name in ("protocol", "_skops_version")}
    # Before 2 some kinds of nodes had other fields; no released skfashion ever wrote them.
    if type(head["protocol"]) is not int or head["protocol"] < 2:
        raise ModelFileError(f"its protocol {head['protocol']!r} is none of skops 0.11 or later")
    reader = _Reader(members, max_bytes)
    node, value = reader.read(schema)
    left = members.keys() - reader.used
    if left:
        raise ModelFileError(f"nothing in it refers to its member {min(left)!r}")
    head["_skops_version"] = str(head["_skops_version"])[:40]
    written = json.dumps({**node, **head}, separators=(",", ":")).encode()
    archive = _archive.write_members({_archive.SCHEMA: written, **reader.copies})
    return Content(value, archive, sorted(reader.trusted))


class _Reader:
    """Turns nodes into values, and into nodes that say nothing else.

    Parameters
    ----------
    members : dict of str to bytes
        Of the archive.
    max_bytes : int
        Bytes that all arrays may have together.
    """

    def __init__(self, members, max_bytes):
        self._members = members
        self._left = max_bytes
        self.used = set()
        self.copies = {}
        self.trusted = set()

    def read(self, node, depth=0):
        """Return a node with nothing in it but what was understood, and its value."""
        if not isinstance(node, dict) or depth > _MAX_DEPTH:
            raise ModelFileError("its structure is none that skfashion.save writes")
        node = {name: part for name, part in node.items() if name != "__id__"}
        # Arrays of numbers and arrays of objects share the name of a kind, not the fields.
        known = self._KINDS.get(f"{node.get('__loader__')} {node.get('type', '')}".rstrip())
        if known is None:
            raise ModelFileError(f"it holds {_described(node)}, which no model needs")
        fields, read = known
        if node.keys() != _COMMON | fields or not all(isinstance(node[n], str) for n in _COMMON):
            raise ModelFileError(f"it holds {_described(node)} with other fields than that has")
        return read(self, node, depth + 1)

    def _scalar(self, node, depth):
        _expect(node, "builtins", "str")
        if not isinstance(node["content"], str):
            raise ModelFileError("it holds a value that isn't JSON")
        try:
            value = json.loads(node["content"])
        except (ValueError, RecursionError):
            raise ModelFileError("it holds a value that isn't JSON") from None
        if isinstance(value, (dict, list)):
            raise ModelFileError("it holds a list or dict where one value belongs")
        return {**node, "is_json": True}, value

    def _dict(self, node, depth):
        _expect(node, "builtins", "dict")
        content, keys = node["content"], node["key_types"]
        if not isinstance(content, dict) or not isinstance(keys, dict):
            raise ModelFileError("it holds a dict without keys and values")
        kinds = [_key_kind(kind) for kind in _items(keys)]
        if len(kinds) != len(content):
            raise ModelFileError("it holds a dict with more keys than values, or fewer")
        parts = {key: self.read(part, depth) for key, part in content.items()}
        try:
            value = {
                kind(key): part
                for kind, (key, (_, part)) in zip((k for _, k in kinds), parts.items(), strict=True)
            }
        except ValueError:
            raise ModelFileError("it holds a dict with keys of another type than it says") from None
        if len(value) != len(parts):
            raise ModelFileError("it holds a dict with one key twice")
        types = {**_LIST, "content": [kind for kind, _ in kinds]}
        return {**node, "content": {k: p for k, (p, _) in parts.items()}, "key_types": types}, value

    def _list(self, node, depth):
        kind = list if node["__loader__"] == "ListNode" else tuple
        _expect(node, "builtins", kind.__name__)
        parts = [self.read(part, depth) for part in _items(node)]
        return {**node, "content": [p for p, _ in parts]}, kind(value for _, value in parts)

    def _array(self, node, depth):
        scalar = node["__class__"] != "ndarray"
        if node["__module__"] != "numpy" or (scalar and node["__class__"] not in _SCALARS):
            raise ModelFileError(f"it holds {_described(node)}, which no model needs")
        name, content = self._member(node["file"])
        stored = _archive.stored_array(content)
        if scalar and stored.shape:
            raise ModelFileError("it holds an array where one number belongs")
        return {**node, "file": name}, stored

    def _objects(self, node, depth):
        """Read an array of Python objects: text and numbers, one after the other."""
        _expect(node, "numpy", "ndarray")
        shape, sides = self.read(node["shape"], depth)
        parts = [self.read(part, depth) for part in _items(node)]
        if sides != (len(parts),):
            raise ModelFileError(f"it holds an array of objects of shape {str(sides)[:60]}")
        if any(isinstance(value, (list, tuple, dict, Held, Named)) for _, value in parts):
            raise ModelFileError("it holds an array of objects that are no text or numbers")
        return {**node, "content": [p for p, _ in parts], "shape": shape}, Stored(sides, "O")

    def _named(self, node, depth):
        module = _types.public_keras(node["__module__"], node["__class__"])
        if module is None:
            raise ModelFileError(f"it names {_described(node)}, which no model needs")
        self.trusted.add(f"{module}.{node['__class__']}")
        return {**node, "__module__": module}, Named(module, node["__class__"])

    def _object(self, node, depth):
        module = _types.public_object(node["__module__"], node["__class__"])
        if module is None:
            raise ModelFileError(f"it holds {_described(node)}, which load doesn't build")
        state, value = self.read(node["content"], depth)
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            raise ModelFileError(f"it holds {_described(node)} without attributes")
        self.trusted.add(f"{module}.{node['__class__']}")
        return {**node, "__module__": module, "content": state}, Held(node["__class__"], value)

    def _member(self, name):
        content = self._members.get(name) if isinstance(name, str) else None
        if content is None:
            raise ModelFileError(f"it refers to a member {str(name)[:60]!r}, which isn't there")
        # One that is referred to again is built again.
        self._left -= len(content)
        if self._left < 0:
            raise ModelFileError("its arrays have more than max_bytes together")
        self.used.add(name)
        copy = f"{len(self.copies)}.npy"
        self.copies[copy] = content
        return copy, content

    _KINDS = {
        "JsonNode": ({"content", "is_json"}, _scalar),
        "DictNode": ({"content", "key_types"}, _dict),
        "ListNode": ({"content"}, _list),
        "TupleNode": ({"content"}, _list),
        "NdArrayNode numpy": ({"type", "file"}, _array),
        "NdArrayNode json": ({"type", "content", "shape"}, _objects),
        "TypeNode": (set(), _named),
        "FunctionNode": (set(), _named),
        "ObjectNode": ({"content"}, _object),
    }


def _key_kind(node):
    """Return the node of the type of a dict's key, and what turns text into such a key."""
    node = {n: part for n, part in node.items() if n != "__id__"} if isinstance(node, dict) else {}
    module, name = node.get("__module__"), node.get("__class__")
    if node.get("__loader__") != "TypeNode" or node.keys() != _COMMON:
        raise ModelFileError("it holds a dict with keys of a strange type")
    # bool("False") is True: skops can't keep such keys.
    if not isinstance(name, str) or name not in _KEYS.get(module, ()) or name.startswith("bool"):
        raise ModelFileError(f"it holds a dict with keys of type {str(name)[:60]!r}")
    plain = name.rstrip("0123456789").lstrip("u")
    return node, {"int": int, "float": float}.get(plain, str)


def _items(node):
    content = node.get("content") if isinstance(node, dict) else None
    if not isinstance(content, list):
        raise ModelFileError("it holds a list without items")
    return content


def _expect(node, module, name):
    if (node["__module__"], node["__class__"]) != (module, name):
        raise ModelFileError(f"it holds {_described(node)}, which no model needs")


def _described(node):
    """Return what a node says it is, for a message."""
    kind, module, name = (str(node.get(n))[:80] for n in ("__loader__", "__module__", "__class__"))
    return f"{module}.{name} ({kind})"
