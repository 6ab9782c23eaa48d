"""The asynchronous shell: the way of a call, from `client` over `table`, `caller` and `tokens` to `exchange`.

It holds what waits, and nothing else; whatever is decided, is decided in the modules beside this folder. The
synchronous shell, `_sync`, is derived from this one.
"""
