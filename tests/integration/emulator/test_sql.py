"""SQL in the query option `sql` ("Use SQL to query data by using the Dataverse Web API")."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from tests.integration.emulator.conftest import Browser, error_of

ACTIVE, PAUSED = 100_000_000, 100_000_001


@pytest.fixture(name="people")
def people_fixture(portal: Browser) -> Browser:
    """Six mentors, of whom two have certifications."""
    keys = portal.emulator.seed(
        "contacts",
        [
            {
                "firstname": f"No. {n}",
                "lastname": "Berg" if n < 3 else None,
                "new_mentor_status": PAUSED if n % 2 else ACTIVE,
            }
            for n in range(6)
        ],
    )
    for number, place in enumerate((1, 1, 2)):
        bound = {"new_name": f"C{number}", "new_Mentor@odata.bind": f"/contacts({keys[place]})"}
        portal.emulator.seed("new_certifications", [bound])
    return portal


def select(browser: Browser, sql: str, table: str = "contacts", **headers: str) -> list[dict[str, Any]]:
    """The columns that a SELECT shows, of every row."""
    rows = browser.rows(f"{table}?sql={quote(sql)}", **headers)
    return [{name: value for name, value in row.items() if "@" not in name} for row in rows]


def names(browser: Browser, condition: str) -> list[str]:
    rows = select(browser, f"SELECT firstname FROM contact WHERE {condition} ORDER BY firstname")  # noqa: S608 # ours
    return [row["firstname"].removeprefix("No. ") for row in rows]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("firstname = 'No. 1'", "1"),
        ("firstname <> 'No. 1'", "02345"),
        ("lastname <> 'Else'", "012"),
        ("firstname > 'No. 3'", "45"),
        ("firstname >= 'No. 3' AND firstname <= 'No. 4'", "34"),
        (f"(new_mentor_status = {PAUSED} OR firstname < 'No. 1') AND lastname IS NOT NULL", "01"),
        ("lastname IS NULL", "345"),
        ("firstname LIKE '%2' OR firstname LIKE '_o. 3'", "23"),
        ("firstname NOT LIKE '%1'", "02345"),
        (f"new_mentor_status IN ({PAUSED}, -1)", "135"),
        ("lastname NOT IN ('Else')", "012"),
        ("firstname BETWEEN 'No. 1' AND 'No. 2'", "12"),
        ("firstname NOT BETWEEN 'No. 1' AND 'No. 4'", "05"),
        ("firstname = 'O''Hara'", ""),
    ],
)
def test_conditions_compare_columns_with_constants(people: Browser, condition: str, expected: str) -> None:
    assert names(people, condition) == list(expected)


def test_columns_have_the_names_that_they_are_given(people: Browser) -> None:
    sql = "SELECT c.firstname AS name, c.contactid FROM contact AS c ORDER BY c.firstname DESC"
    answer = people.get(f"contacts?sql={quote(sql)}")
    first, *_ = answer.json()["value"]
    assert (first["name"], first["@odata.etag"][:3]) == ("No. 5", 'W/"')
    assert sorted(key for key in first if "@" not in key) == ["contactid", "name"]
    assert answer.json()["@odata.context"].endswith("$metadata#contacts(name,contactid)")


def test_tables_are_joined(people: Browser) -> None:
    join = "SELECT m.firstname, c.new_name AS certification FROM contact AS m {} JOIN new_certification AS c "
    on = "ON m.contactid = c.new_mentor {} ORDER BY m.firstname"
    inner = select(people, join.format("INNER") + on.format(""))
    assert [(row["firstname"], row["certification"]) for row in inner] == [
        ("No. 1", "C0"),
        ("No. 1", "C1"),
        ("No. 2", "C2"),
    ]
    left = select(people, join.format("LEFT") + on.format("AND c.new_name <> 'C0' AND c.new_name IS NOT NULL"))
    assert [row.get("certification") for row in left] == [None, "C1", "C2", None, None, None]
    where = select(people, join.format("INNER") + on.format("WHERE c.new_name = 'C2'"))
    assert [row["firstname"] for row in where] == ["No. 2"]


def test_rows_are_counted_grouped_and_made_distinct(people: Browser) -> None:
    assert select(people, "SELECT COUNT(*) AS number FROM contact WHERE lastname = 'Berg'") == [{"number": 3}]
    groups = (
        "SELECT lastname, COUNT(*) AS number, MAX(firstname) AS last FROM contact GROUP BY lastname ORDER BY lastname"
    )
    assert select(people, groups) == [
        {"number": 3, "last": "No. 5"},
        {"lastname": "Berg", "number": 3, "last": "No. 2"},
    ]
    joined = (
        "SELECT m.firstname, COUNT(c.new_name) AS number FROM contact m "
        "JOIN new_certification c ON c.new_mentor = m.contactid GROUP BY m.firstname ORDER BY number DESC"
    )
    assert [row["number"] for row in select(people, joined)] == [2, 1]
    distinct = select(people, "SELECT DISTINCT new_mentor_status FROM contact ORDER BY new_mentor_status")
    assert [row["new_mentor_status"] for row in distinct] == [ACTIVE, PAUSED]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT firstname FROM contact ORDER BY firstname",
        "SELECT DISTINCT firstname FROM contact ORDER BY firstname",
    ],
)
def test_pages_lead_on(people: Browser, sql: str) -> None:
    found, link = [], f"contacts?sql={quote(sql)}"
    sizes = []
    while link:
        page = people.get(link, Prefer="odata.maxpagesize=4").json()
        sizes.append(len(page["value"]))
        found += [row["firstname"] for row in page["value"]]
        link = page.get("@odata.nextLink")
    assert sizes == [4, 2]
    assert found == [f"No. {n}" for n in range(6)]
    broken = people.get(f"contacts?sql={quote(sql)}&$skiptoken=nonsense")
    assert error_of(broken)[0] == 400


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT * FROM contact", "columns must be named one by one"),
        ("SELECT TOP 3 firstname FROM contact", "TOP is not supported"),
        ("SELECT firstname FROM contact ORDER BY firstname OFFSET 1 ROWS", "OFFSET is not supported"),
        (
            "SELECT lastname, COUNT(*) AS n FROM contact GROUP BY lastname HAVING COUNT(*) > 1",
            "HAVING is not supported",
        ),
        ("DELETE FROM contact", "a single SELECT statement"),
        ("SELECT firstname FROM contact; SELECT lastname FROM contact", "a single SELECT statement"),
        ("SELECT FROM WHERE", "Invalid SQL query"),
        ("SELECT firstname FROM contact WHERE 1 = 1", "columns must be named"),
        ("SELECT firstname FROM contact WHERE createdon > modifiedon", "a column with a constant"),
        (
            "SELECT firstname FROM contact WHERE contactid IN (SELECT contactid FROM contact)",
            "a column with a constant",
        ),
        ("SELECT firstname FROM contact WHERE NOT firstname = 'x'", "NOT is supported with"),
        (
            "SELECT a.firstname FROM contact a RIGHT JOIN contact b ON a.contactid = b.contactid",
            "INNER JOIN and LEFT JOIN",
        ),
        ("SELECT a.firstname FROM contact a JOIN contact b ON a.contactid <> b.contactid", "an equality"),
        ("SELECT a.firstname FROM contact a JOIN contact b ON b.contactid = b.contactid", "of the two tables"),
        (
            "SELECT a.firstname FROM contact a JOIN contact b ON a.contactid = b.contactid AND a.lastname = 'x'",
            "on the joined table",
        ),
        ("SELECT z.firstname FROM contact a", "no table is called 'z'"),
        ("SELECT firstname, COUNT(*) AS n FROM contact", "must be grouped or aggregated"),
        ("SELECT COUNT(*) FROM contact", "needs an alias"),
        ("SELECT COUNT(*) AS n FROM contact ORDER BY firstname", "must be grouped"),
        ("SELECT nonsense FROM contact", "nonsense"),
        ("SELECT name FROM account", "account"),
    ],
)
def test_what_the_service_does_not_take_is_refused(portal: Browser, sql: str, words: str) -> None:
    status, _, message = error_of(portal.get(f"contacts?sql={quote(sql)}"))
    assert status == 400
    assert words in message


def test_no_other_option_goes_beside_it(portal: Browser) -> None:
    sql = quote("SELECT firstname FROM contact")
    status, _, message = error_of(portal.get(f"contacts?sql={sql}&$top=1"))
    assert (status, "$top is not supported with SQL" in message) == (400, True)
