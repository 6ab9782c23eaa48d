"""Scrubbing: an exchange with a service as a cassette may hold it. Pure functions; what is kept is on lists, the rest
is replaced. `names` makes values up, `urls`, `values` and `exchange` say where."""
