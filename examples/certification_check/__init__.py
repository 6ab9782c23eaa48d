"""The nightly certification check: mentors whose certification has expired are paused and hidden, renewed ones return.

`policy` decides what is to be done with a mentor, `store` keeps in PostgreSQL what is planned and done, `dynamics`
reads and writes mentors through the client, `job` runs it in batches, `__main__` is the command.
"""
