"""The part of the edge function that is Python: it sets a mentor's visibility through the typed client.

The host, `function/index.ts`, has authenticated the caller by then. It calls `start` once, with its environment, and
then `Service.handle` for each request, any number at a time: one interpreter, one client, one token for all of them.
"""

from .service import Service as Service
from .service import start as start
