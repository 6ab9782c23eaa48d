"""What the generator's tests share: packages generated once a session."""

from __future__ import annotations

import pytest
from tests.packages import Package, Packages, mypy_cache, packages
from tests.unit.generator.kinds import KIND_CHOICES, KINDS

__all__ = ["kinds", "mypy_cache", "packages"]


@pytest.fixture(scope="session")
def kinds(packages: Packages) -> Package:
    """A package that holds a column, a parameter and a result of every kind."""
    return packages.of_csdl("kinds_api", KINDS, KIND_CHOICES)
