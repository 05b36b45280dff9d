"""What tests of strange input share: how often they try, and the sum of it in the output."""

import pytest
from hypothesis import HealthCheck, settings


def tries(n):
    """Return settings of n tries, the same in every run."""
    return settings(
        max_examples=n,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def telling(counts, what):
    """Return a fixture that prints, after all tests of a module, what they counted."""

    @pytest.fixture(scope="module", autouse=True)
    def tell(pytestconfig):
        yield
        with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\n{sum(counts.values())} {what}: {dict(counts)}")

    return tell
