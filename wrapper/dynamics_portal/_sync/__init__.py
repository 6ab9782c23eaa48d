# Derived from ../_async/__init__.py by tools/derive_sync.py; change that file, not this one.
"""The synchronous shell: the way of a call, from `client` over `table`, `caller` and `tokens` to `exchange`.

It holds what waits, and nothing else; whatever is decided, is decided in the modules beside this folder. It
is derived from the asynchronous one, `_async`.
"""
