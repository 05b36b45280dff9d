"""Settings of a thread."""

import pytest

import skfashion


def test_context_puts_settings_back():
    before = skfashion.get_config()

    def fail():
        assert skfashion.get_config()["program_cache_size"] == 3
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), skfashion.config_context(program_cache_size=3):
        fail()
    assert skfashion.get_config() == before


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"program_cache_size": -1}, ValueError, "program_cache_size must be an int >= 0"),
        ({"feature_cache_bytes": 1.5}, ValueError, "feature_cache_bytes"),
        ({"feature_cache_bytes": True}, ValueError, "feature_cache_bytes"),
        ({"fused_optimizers": 1}, ValueError, "True or False"),
        ({"feature_cache_size": 1}, TypeError, "feature_cache_bytes"),
    ],
)
def test_bad_settings_are_refused_and_change_nothing(settings, error, message):
    before = skfashion.get_config()
    with pytest.raises(error, match=message):
        skfashion.set_config(store_max_bytes=5, **settings)
    assert skfashion.get_config() == before
