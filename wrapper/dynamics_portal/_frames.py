"""Frames: a traceback that leaves the package has no variables in the package's frames.

An exception keeps the frames that it passed through, and printers of locals (rich, sentry, structlog, pytest's
`--showlocals`) print what is in them: the row that was to be written, the URL with its filter, the header with the
token. So each public function hands its exceptions on with those frames emptied. Files and lines stay; so does what
belongs to the caller: its own frames, and those of an exception that it was handling when it called.

Frames that are still running, as a debugger or a profiler sees them, cannot be emptied.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from types import FunctionType, TracebackType
from typing import Any, TypeVar, cast

C = TypeVar("C")
F = TypeVar("F", bound=Callable[..., Any])


def empty_frames(error: BaseException) -> None:
    """Empty the frames that an exception has passed through, and those of the exceptions behind it."""
    seen: set[int] = set()
    errors: list[BaseException | None] = [error]
    while errors:
        found = errors.pop()
        if found is None or id(found) in seen:
            continue
        seen.add(id(found))
        traceback = found.__traceback__
        if found is not error and traceback is not None and not _empty(traceback):
            continue  # the frame that caught it is still running, and so it is the caller's
        while traceback is not None:
            _empty(traceback)
            traceback = traceback.tb_next
        errors += [found.__cause__, found.__context__]
        if isinstance(found, BaseExceptionGroup):
            errors += found.exceptions


def _empty(traceback: TracebackType) -> bool:
    """Empty one frame. False where it is still running."""
    try:
        traceback.tb_frame.clear()
    except RuntimeError:
        return False
    return True


def reticent(function: F) -> F:
    """A function whose exceptions tell nothing of its variables. What it returns and raises stays the same."""
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def guarded_async(*arguments: Any, **keywords: Any) -> Any:
            try:
                return await function(*arguments, **keywords)
            except BaseException as error:
                empty_frames(error)
                del arguments, keywords  # this frame is still running
                raise

        return cast("F", guarded_async)

    @wraps(function)
    def guarded(*arguments: Any, **keywords: Any) -> Any:
        try:
            return function(*arguments, **keywords)
        except BaseException as error:
            empty_frames(error)
            del arguments, keywords  # this frame is still running
            raise

    return cast("F", guarded)


def reticent_class(cls: C) -> C:
    """A class with all of its public functions, and its constructor, made `reticent`.

    `__next__` and `__anext__` are left as they are, for they run once a row: they empty frames themselves.
    """
    for name, value in list(vars(cls).items()):
        if name.startswith("_") and name != "__init__":
            continue
        if isinstance(value, FunctionType):
            setattr(cls, name, reticent(value))
        elif isinstance(value, (classmethod, staticmethod)):
            setattr(cls, name, type(value)(reticent(value.__func__)))
    return cls
