"""FetchXML against the same oracle as filters: what a condition finds is what Python says of the same rows."""

from __future__ import annotations

from collections.abc import Callable
from xml.sax.saxutils import quoteattr

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.emulator.conftest import Browser
from tests.integration.emulator.test_filters_mean import (
    COLUMNS,
    OPERATORS,
    Condition,
    Row,
    compare,
    like,
    plant,
    rows,
    sizes,
    texts,
    value_of,
)

WORDS = ["eq", "ne", *OPERATORS]


def element(column: str, operator: str, *values: object) -> str:
    inner = "".join(f"<value>{value}</value>" for value in values)
    return f"<condition attribute='{column}' operator='{operator}'>{inner}</condition>"


@st.composite
def comparisons(draw: st.DrawFn) -> Condition:
    name = draw(st.sampled_from(sorted(COLUMNS)))
    values, _, known = COLUMNS[name]
    word = draw(st.sampled_from(["eq", "ne"] if name == "active" else WORDS))
    value = draw(values)
    text = f"<condition attribute='{name}' operator='{word}' value={quoteattr(str(value))}/>"
    return Condition(text, lambda row, _: compare(word, value_of(row, name), known(value)))


@st.composite
def patterns(draw: st.DrawFn) -> Condition:
    word, part = draw(st.sampled_from(["like", "begins-with", "ends-with"])), draw(texts)
    before, after = "%" if word == "ends-with" else "", "%" if word == "begins-with" else ""
    pattern, negated = f"{before}{part.casefold()}{after}", draw(st.booleans())
    name = {"like": "not-like", "begins-with": "not-begin-with", "ends-with": "not-end-with"}[word] if negated else word
    text = f"<condition attribute='name' operator='{name}' value={quoteattr(part)}/>"

    def holds(row: Row, _: list[Row]) -> bool:
        return (row["name"] is not None and like(row["name"].casefold(), pattern)) is not negated

    return Condition(text, holds)


@st.composite
def ranges(draw: st.DrawFn) -> Condition:
    low, high = sorted(draw(st.tuples(sizes, sizes)))
    tests: dict[str, Callable[[int], bool]] = {
        "in": lambda size: size in (low, high),
        "between": lambda size: low <= size <= high,
    }
    word, negated = draw(st.sampled_from(sorted(tests))), draw(st.booleans())
    text = element("size", f"not-{word}" if negated else word, low, high)
    return Condition(text, lambda row, _: (row["size"] is not None and tests[word](row["size"])) is not negated)


@st.composite
def related(draw: st.DrawFn) -> Condition:
    kind, size = draw(st.sampled_from(["any", "not any", "all", "not all"])), draw(sizes)
    link = f"<link-entity name='account' from='parentaccountid' to='accountid' link-type='{kind}'>"
    text = f"{link}<filter>{element('size', 'ge', size)}</filter></link-entity>"

    def holds(row: Row, every: list[Row]) -> bool:
        children = [child for child in every if child["parent"] is not None and every[child["parent"]] is row]
        fits = [child["size"] is not None and child["size"] >= size for child in children]
        return {"any": any(fits), "not all": any(fits), "not any": not any(fits), "all": bool(fits) and not any(fits)}[
            kind
        ]

    return Condition(text, holds)


def joined(parts: tuple[list[Condition], str]) -> Condition:
    inner, word = parts
    both = all if word == "and" else any
    text = "".join(part.text for part in inner)
    return Condition(
        f"<filter type='{word}'>{text}</filter>", lambda row, every: both(part.holds(row, every) for part in inner)
    )


leaves = st.one_of(comparisons(), patterns(), ranges(), related())
filters = st.recursive(
    leaves,
    lambda inner: st.tuples(st.lists(inner, min_size=1, max_size=3), st.sampled_from(["and", "or"])).map(joined),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows, st.lists(filters, min_size=1, max_size=4))
def test_a_query_means_what_python_says(shop: Browser, every: list[Row], asked: list[Condition]) -> None:
    keys = plant(shop, every)

    for condition in asked:
        inner = f"<attribute name='accountid'/><filter>{condition.text}</filter>"
        xml = f"<fetch><entity name='account'>{inner}</entity></fetch>"
        answer = shop.send("GET", "accounts", params={"fetchXml": xml})
        assert answer.status_code == 200, answer.text
        found = [row["accountid"] for row in answer.json()["value"]]
        assert found == [key for key, row in zip(keys, every, strict=True) if condition.holds(row, every)]
