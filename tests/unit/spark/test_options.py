"""Options: what can be said, and what is refused in words that repeat no value."""

from __future__ import annotations

from typing import Any

import pytest

from dynamics_portal import InvalidRequestError

pytest.importorskip("pyspark", reason="needs the extra spark")

from dynamics_portal.spark._options import Connection, connection_from, read_options, write_options

TABLE = {"table": "contacts"}


def test_what_is_not_said_has_a_default() -> None:
    read = read_options(TABLE)
    assert (read.select, read.page_size, read.partitions, read.pushdown, read.changes) == ((), None, 1, True, False)
    written = write_options(TABLE)
    assert (written.operation, written.key, written.write_nulls, written.raises) == ("create", (), False, True)
    assert write_options(TABLE).run_id != written.run_id
    assert connection_from(TABLE) == Connection()
    assert connection_from(TABLE).variables == {}


def test_what_is_said_is_read() -> None:
    read = read_options({**TABLE, "select": "a, b,", "page_size": "50", "partitions": "4", "pushdown": "False"})
    assert (read.select, read.page_size, read.partitions, read.pushdown) == (("a", "b"), 50, 4, False)
    followed = read_options({**TABLE, "changes": "true", "changes_since": "token", "pages": "3"})
    assert (followed.changes, followed.since, followed.pages) == (True, "token", 3)
    written = write_options({**TABLE, "operation": "upsert", "key": "a,b", "run_id": "n.1", "concurrency": "8"})
    assert (written.key, written.run_id, written.concurrency, written.write_nulls) == (("a", "b"), "n.1", 8, True)
    assert connection_from({"url": "https://x.crm4.dynamics.com"}).variables == {
        "DYNAMICS_BASE_URL": "https://x.crm4.dynamics.com"
    }


@pytest.mark.parametrize(
    "name", ["client_secret", "Password", "access_token", "apiKey", "CREDENTIAL", "sas_signature", "private-key"]
)
def test_no_option_is_a_secret(name: str) -> None:
    for read in (read_options, write_options):
        with pytest.raises(InvalidRequestError, match="Spark shows options") as caught:
            read({**TABLE, name: "hunter2"})
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("address", ["s3://id:hunter2@bucket/x", "https://a:hunter2@b", "abfss://x@y/z?sig=hunter2"])
def test_no_address_holds_a_secret(address: str) -> None:
    for name in ("results", "url"):
        with pytest.raises(InvalidRequestError, match="holds a password or a key") as caught:
            write_options({**TABLE, name: address})
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("value", ["hunter2", "hunter2:", "hunt er2:function", "hunter:2:c", "hunter:two\n"])
def test_credentials_are_named_as_a_function(value: str) -> None:
    with pytest.raises(InvalidRequestError, match="expected module:function") as caught:
        connection_from({"credentials": value})
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "option 'table'"),
        ({**TABLE, "page_size": "5001"}, "from 1 to 5000"),
        ({**TABLE, "page_size": "-1"}, "from 1 to 5000"),
        ({**TABLE, "partitions": "²"}, "from 1 to 10000"),
        ({**TABLE, "pushdown": "perhaps"}, "expected false or true"),
        ({**TABLE, "tabel": "x"}, "did you mean 'table'"),
        ({**TABLE, "pages": "3"}, "is for a stream"),
        ({**TABLE, "changes": "true", "partitions": "3"}, "is for a read"),
    ],
)
def test_mistakes_of_a_reader_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        read_options(options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"operation": "merge"}, "expected create or delete or update or upsert"),
        ({"key": "a"}, "the operation is 'upsert'"),
        ({"run_id": "../x"}, "run_id"),
        ({"on_error": "report"}, "by the option 'results'"),
        ({"concurrency": "53"}, "from 1 to 52"),
    ],
)
def test_mistakes_of_a_writer_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        write_options({**TABLE, **options})
