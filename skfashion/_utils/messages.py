"""What error messages show of the values they were given."""

_LENGTH = 200


def shown(value):
    """Return the repr of a value, its middle left out where it is long."""
    text = repr(value)
    if len(text) <= _LENGTH:
        return text
    return f"{text[: _LENGTH - 60]}...{text[-40:]}"


def some(values, n=5):
    """Return the repr of a list of at most `n` of the values, saying how many are left out."""
    values = list(values)
    listed = ", ".join(map(shown, values[:n]))
    return f"[{listed}]" if len(values) <= n else f"[{listed}, ... ({len(values)} in all)]"
