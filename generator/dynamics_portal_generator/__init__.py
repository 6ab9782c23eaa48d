"""The generator: from an organisation's `$metadata` to a typed Python package.

The way is csdl → select → openapi → overlay → client; `pipeline` joins the first four, `cli` is the command.
"""
