"""What the contract tests share: packages generated once a session."""

from __future__ import annotations

from tests.packages import mypy_cache, packages

__all__ = ["mypy_cache", "packages"]
