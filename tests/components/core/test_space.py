"""Every model declares a space to search, and every corner of it is accepted by its options."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.config import parse
from components.core.registry import MODELS
from components.core.space import Choice, Floats


def values(parameter):
    if isinstance(parameter, Choice):
        return st.sampled_from(parameter.values)
    between = st.floats if isinstance(parameter, Floats) else st.integers
    ends = st.sampled_from([parameter.low, parameter.high])
    return ends | between(parameter.low, parameter.high)


@pytest.mark.parametrize("name", MODELS.names())
def test_whatever_a_space_holds_is_accepted(name):
    config = MODELS.get(name).Config
    assert config.space, f"{name} declares no space"

    @given(st.fixed_dictionaries({option: values(parameter) for option, parameter in config.space.items()}))
    @settings(max_examples=20, deadline=None, database=None)
    def accepted(options):
        assert set(parse(config, options, name).model_dump()) >= set(options)

    accepted()
