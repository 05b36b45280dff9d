"""A page on a search whose names would run if they were not escaped."""

import custom

EVIL = "</script><script>window.hacked=1</script>"
LABELS = ["<script>window.hacked=1</script>", "<img src=x onerror=window.hacked=1>", "plain & 'so'"]


def network(units=8, note="", meta=None):
    return custom.network(units, meta=meta)
