"""Marks for parameters: `pytest -m "not slow"` runs the first few of many."""

from collections.abc import Iterable
from typing import Any

import pytest

PARAM = type(pytest.param())


def slow_after(number: int, values: Iterable[Any], *, names: int = 1) -> list[Any]:
    """Return the values as parameters, all but the first of them marked as slow. `names` is how many there are."""
    marked = []
    for place, value in enumerate(values):
        marks = [pytest.mark.slow] if place >= number else []
        if isinstance(value, PARAM):
            marked.append(pytest.param(*value.values, id=value.id, marks=[*value.marks, *marks]))
        else:
            marked.append(pytest.param(*(value if names > 1 else (value,)), marks=marks))
    return marked
