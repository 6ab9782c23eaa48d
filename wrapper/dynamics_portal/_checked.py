"""Checked input: what a generated package finds wrong, raised as an invalid request."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from .errors import DynamicsPortalClientException, invalid

P = ParamSpec("P")
T = TypeVar("T")


def checking_input(function: Callable[P, T]) -> Callable[P, T]:
    """Raise what a generated package finds wrong as an invalid request, without the original error, which has values
    in its frames."""

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except DynamicsPortalClientException:
            raise
        except (ValueError, TypeError) as error:
            problem = str(error)
        raise invalid(problem)

    return checked
