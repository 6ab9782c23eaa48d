"""An organisation's own description: `$metadata`, and the version that tells whether it has changed.

The version comes as an annotation on an answer of a few hundred bytes, the document has megabytes: a client that
keeps both asks for the first before it downloads the second. No I/O.

Source: Dataverse Web API, "Request annotations" (Microsoft.Dynamics.CRM.globalmetadataversion), "Web API types and
operations".
"""

from __future__ import annotations

from typing import Final

from . import _json
from ._call import Call
from ._failures import decoded
from ._outcome import Answer
from ._settings import Settings

VERSION_TERM: Final = "Microsoft.Dynamics.CRM.globalmetadataversion"
_PROBE: Final = "organizations?$select=organizationid"
"""A query that any user may make and that has one row: the organisation itself. It holds no personal data."""


def version_call(settings: Settings) -> Call:
    """A query that brings the version along."""
    prefer = ("Prefer", f'odata.include-annotations="{VERSION_TERM}"')
    return Call("GET", settings.root.url + _PROBE, settings.new_correlation_id(), headers=(prefer,))


def version_of(answer: Answer, call: Call) -> str | None:
    """The version that an answer brought; `None` where the service tells none."""

    def read() -> str | None:
        value = _json.decode_object(answer.content).get(f"@{VERSION_TERM}")
        return None if value is None else str(value)

    return decoded(read, answer.status, call.correlation_id)


def document_call(settings: Settings) -> Call:
    """The whole document. What was changed a moment ago is in it: the service's cache is passed by."""
    return Call(
        "GET",
        f"{settings.root.url}$metadata",
        settings.new_correlation_id(),
        headers=(("Consistency", "Strong"),),
        accept="application/xml",
        empty=b"",
    )
