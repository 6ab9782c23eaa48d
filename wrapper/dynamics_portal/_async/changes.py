"""Changes: the iterator over what is new, changed or gone, and the token for the next time."""

from __future__ import annotations

from typing import Generic, TypeVar, cast

from .._changes import Change, ChangeListing, ChangeToken
from .._frames import reticent_class
from .rows import AsyncRows

R_co = TypeVar("R_co", covariant=True)


@reticent_class
class AsyncChanges(AsyncRows[Change[R_co]], Generic[R_co]):
    """Changes of a table, read page by page as they are taken: `portal.contacts.changes(since=token)`.

    A page that cannot be had is tried again when the next change is taken. `state` can be stored meanwhile, and given
    as `since`.
    """

    __slots__ = ()

    @property
    def token(self) -> ChangeToken:
        """From where to ask the next time, as text to store. It holds no personal data.

        Raises `InvalidRequestError` before the last change was taken.
        """
        return cast("ChangeListing", self._listing).token
