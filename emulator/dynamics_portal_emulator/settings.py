"""What an organisation is set up with and `$metadata` does not say.

It decides the defaults, which are Dataverse's own, and how a test changes them. What follows from a setting is decided
where it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from .protection import Protection

MEGABYTE = 1024 * 1024
Behaviour: TypeAlias = Literal["Cascade", "RemoveLink", "Restrict"]


_BLOCKED = (
    "ade;adp;app;asa;ashx;asmx;asp;bas;bat;cdx;cer;chm;class;cmd;com;config;cpl;crt;csh;dll;exe;fxp;hlp;hta;htr;htw;ida;"
    "idc;idq;inf;ins;isp;its;jar;js;jse;ksh;lnk;mad;maf;mag;mam;maq;mar;mas;mat;mau;mav;maw;mda;mdb;mde;mdt;mdw;mdz;msc;"
    "msh;msh1;msh1xml;msh2;msh2xml;mshxml;msi;msp;mst;ops;pcd;pif;prf;prg;printer;pst;reg;rem;scf;scr;sct;shb;shs;shtm;"
    "shtml;soap;stm;tmp;url;vb;vbe;vbs;vsmacros;vss;vst;vsw;ws;wsc;wsf;wsh"
)
"""Organization.BlockedAttachments, as an organisation begins."""


@dataclass
class Settings:
    """An organisation's settings; a test changes them at will, and `Emulator.reset` makes them the defaults again."""

    without_bulk: set[str] = field(default_factory=set)
    """Logical names of standard tables that lack CreateMultiple, UpdateMultiple and UpsertMultiple ("Use bulk operation
    messages", section Availability)."""
    singletons: dict[str, Any] = field(default_factory=dict)
    """Name of a singleton to the key of the row that it is."""
    duplicate_rules: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    """Logical name of a table to its duplicate detection rules: columns which, all equal, make rows duplicates."""
    on_delete: dict[tuple[str, str], Behaviour] = field(default_factory=dict)
    """What happens to related rows when a row is removed, by the row's table (logical name) and the navigation property
    that leads to them."""
    chunk_size: int = 4 * MEGABYTE
    """Bytes that a chunk or a block of a file may have, and `x-ms-chunk-size`."""
    file_kilobytes: int = 32_768
    """MaxSizeInKB of file columns that `column_kilobytes` does not name."""
    image_kilobytes: int = 10_240
    """MaxSizeInKB of image columns that `column_kilobytes` does not name."""
    column_kilobytes: dict[tuple[str, str], int] = field(default_factory=dict)
    """MaxSizeInKB by logical names of table and column."""
    blocked_extensions: set[str] = field(default_factory=lambda: set(_BLOCKED.split(";")))
    """Extensions of files that file columns do not take ("File columns", section Block certain types of files)."""
    primary_images: dict[str, str] = field(default_factory=dict)
    """Logical name of a table to its primary image column, which alone may be set on create: `entityimage`, else the
    only one, where nothing is said."""
    without_full_images: set[tuple[str, str]] = field(default_factory=set)
    """Image columns, by logical names of table and column, that keep a thumbnail only (CanStoreFullImage is false)."""
    message_size: int = int(116.85 * MEGABYTE)
    """Bytes that a bulk message may have ("Use bulk operation messages", section Message size limits)."""
    untracked: set[str] = field(default_factory=set)
    """Logical names of tables whose changes are not tracked."""
    change_tracking_days: float = 7
    """Days that a delta token is good: the organisation's ExpireChangeTrackingInDays, by its documented default."""
    aggregate_rows: int = 50_000
    """Rows that a query may aggregate ("Aggregate data using FetchXml", section Limitations)."""
    simple_paging_rows: int = 50_000
    """Rows that FetchXML reaches without a paging cookie ("Page results using FetchXml")."""
    service_protection: Protection | None = None
    """The limits that each web server enforces; None enforces none, so that tests may hurry."""
    servers: int = 1
    """Web servers behind the name."""
    affinity: bool = True
    """Whether a cookie ties a client to the server that answered it first."""
    dop_hint: int = 4
    """The degree of parallelism that `x-ms-dop-hint` recommends."""
    cost: Callable[[int], float] = lambda work: 0.05 + 0.005 * work
    """Seconds of execution that a request takes which reads or writes so many rows."""
    bulk_seconds: float = 240.0
    """Seconds of execution beyond which a bulk message ends in the database's timeout."""

    def restore(self) -> None:
        """Makes every setting its default."""
        self.__dict__.update(Settings().__dict__)
