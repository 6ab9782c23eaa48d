"""Filters against an oracle: what a condition finds in the emulator is what Python says of the same rows.

The oracle shares no line with the emulator. A null is equal to null alone, and every other comparison with it is false.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.emulator.conftest import Browser

Row: TypeAlias = dict[str, Any]
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
QUERY = "Microsoft.Dynamics.CRM"


@dataclass(frozen=True)
class Condition:
    """A filter in OData, and what it says of a row among all rows."""

    text: str
    holds: Callable[[Row, list[Row]], bool]

    @property
    def negatable(self) -> bool:
        """Dataverse negates none of its query functions."""
        return QUERY not in self.text

    def __repr__(self) -> str:
        return self.text


def compare(name: str, left: Any, right: Any) -> bool:
    """Two-valued comparison."""
    if name in ("eq", "ne"):
        return (left == right) is (name == "eq")
    return left is not None and right is not None and OPERATORS[name](left, right)


def folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def like(text: str, pattern: str) -> bool:
    """`%` and `_`, by trying every way."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(like(text[start:], pattern[1:]) for start in range(len(text) + 1))
    return bool(text) and (pattern[0] == "_" or pattern[0] == text[0]) and like(text[1:], pattern[1:])


texts = st.text(alphabet="abBÆ'%_ ", max_size=3)
sizes = st.integers(-3, 3)
moneys = st.decimals(min_value=-2, max_value=2, places=2)
dates = st.sampled_from([f"{year}-{month:02}-{day:02}" for year in (2023, 2024) for month in (1, 6) for day in (1, 30)])
stamps = st.sampled_from([f"2024-06-12T{hour:02}:00:00{tail}Z" for hour in (9, 10) for tail in ("", ".5", ".123")])
choices = st.lists(st.sampled_from([1, 2, 12]), unique=True, min_size=1).map(lambda found: ",".join(map(str, found)))

COLUMNS: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], str], Callable[[Any], Any]]] = {
    "name": (texts, lambda value: "'" + value.replace("'", "''") + "'", folded),
    "size": (sizes, str, int),
    "revenue": (moneys, lambda value: f"{value:f}", Decimal),
    "founded": (dates, str, str),
    "seen": (stamps, str, lambda value: value.rstrip("Z")),
    "active": (st.booleans(), lambda value: str(value).lower(), bool),
}

rows = st.lists(
    st.fixed_dictionaries(
        {
            **{name: st.none() | given_[0] for name, given_ in COLUMNS.items()},
            "allowance": st.none() | sizes,
            "colours": st.none() | choices,
            "parent": st.none() | st.integers(0, 2),
        }
    ),
    min_size=3,
    max_size=6,
)


def value_of(row: Row, name: str) -> Any:
    value = row[name]
    return None if value is None else COLUMNS[name][2](value)


@st.composite
def comparisons(draw: st.DrawFn) -> Condition:
    name = draw(st.sampled_from(sorted(COLUMNS)))
    values, literal, known = COLUMNS[name]
    word = draw(st.sampled_from(["eq", "ne"] if name == "active" else ["eq", "ne", *OPERATORS]))
    value = draw(st.none() | values) if word in ("eq", "ne") else draw(values)
    right = None if value is None else known(value)
    text = f"{name} {word} {'null' if value is None else literal(value)}"
    return Condition(text, lambda row, _: compare(word, value_of(row, name), right))


@st.composite
def column_comparisons(draw: st.DrawFn) -> Condition:
    word = draw(st.sampled_from(["eq", "ne", *OPERATORS]))
    return Condition(f"size {word} allowance", lambda row, _: compare(word, row["size"], row["allowance"]))


@st.composite
def text_functions(draw: st.DrawFn) -> Condition:
    name = draw(st.sampled_from(["contains", "startswith", "endswith"]))
    part = draw(texts)
    before, after = "" if name == "startswith" else "%", "" if name == "endswith" else "%"
    pattern = f"{before}{part.casefold()}{after}"
    literal = part.replace("'", "''")
    return Condition(
        f"{name}(name,'{literal}')",
        lambda row, _: row["name"] is not None and like(row["name"].casefold(), pattern),
    )


@st.composite
def query_functions(draw: st.DrawFn) -> Condition:
    name = draw(st.sampled_from(["In", "NotIn", "Between", "NotBetween", "ContainValues", "DoesNotContainValues"]))
    if name.endswith("Values"):
        wanted = draw(st.lists(st.sampled_from([1, 2, 12]), min_size=1, max_size=2))
        listed = ",".join(f'"{item}"' for item in wanted)
        text = f"{QUERY}.{name}(PropertyName='colours',PropertyValues=[{listed}])"
        return Condition(
            text,
            lambda row, _: (
                bool({str(item) for item in wanted} & set((row["colours"] or "").split(",")))
                is (name == "ContainValues")
            ),
        )
    low, high = sorted(draw(st.tuples(sizes, sizes)))
    text = f"{QUERY}.{name}(PropertyName='size',PropertyValues=['{low}','{high}'])"
    if name.endswith("In"):
        return Condition(text, lambda row, _: (row["size"] in (low, high)) is (name == "In"))
    return Condition(
        text, lambda row, _: (row["size"] is not None and low <= row["size"] <= high) is (name == "Between")
    )


@st.composite
def related(draw: st.DrawFn) -> Condition:
    kind = draw(st.sampled_from(["lookup", "any", "all", "empty", "count"]))
    word, size = draw(st.sampled_from(["eq", "ne", *OPERATORS])), draw(sizes)

    def children(row: Row, every: list[Row]) -> list[Row]:
        return [child for child in every if child["parent"] is not None and every[child["parent"]] is row]

    if kind == "lookup":
        return Condition(
            f"parentaccountid/size {word} {size}",
            lambda row, every: compare(word, None if row["parent"] is None else every[row["parent"]]["size"], size),
        )
    if kind == "empty":
        return Condition("children/any()", lambda row, every: bool(children(row, every)))
    if kind == "count":
        return Condition(
            f"children/$count {word} {size}", lambda row, every: compare(word, len(children(row, every)), size)
        )
    quantifier = any if kind == "any" else all
    return Condition(
        f"children/{kind}(c:c/size {word} {size})",
        lambda row, every: quantifier(compare(word, child["size"], size) for child in children(row, every)),
    )


def joined(parts: tuple[Condition, Condition, str]) -> Condition:
    left, right, word = parts
    both = all if word == "and" else any
    return Condition(
        f"({left.text}) {word} ({right.text})",
        lambda row, every: both(part.holds(row, every) for part in (left, right)),
    )


def negated(part: Condition) -> Condition:
    return Condition(f"not ({part.text})", lambda row, every: not part.holds(row, every))


leaves = st.one_of(comparisons(), comparisons(), column_comparisons(), text_functions(), query_functions(), related())
conditions = st.recursive(
    leaves,
    lambda inner: (
        st.tuples(inner, inner, st.sampled_from(["and", "or"])).map(joined)
        | inner.filter(lambda part: part.negatable).map(negated)
    ),
    max_leaves=5,
)


def plant(shop: Browser, every: list[Row]) -> list[str]:
    """Makes the rows the only ones; their keys, in order."""
    shop.emulator.reset()
    shop.token = shop.ask_token().json()["access_token"]
    keys = [f"{number:08}-0000-0000-0000-000000000000" for number in range(len(every))]
    for key, row in zip(keys, every, strict=True):
        columns = {name: value for name, value in row.items() if name != "parent"}
        parent = None if row["parent"] is None else keys[row["parent"]]
        shop.emulator.seed("accounts", [{**columns, "accountid": key, "_parentaccountid_value": parent}])
    return keys


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows, st.lists(conditions, min_size=1, max_size=4))
def test_a_filter_means_what_python_says(shop: Browser, every: list[Row], asked: list[Condition]) -> None:
    keys = plant(shop, every)

    for condition in asked:
        answer = shop.send("GET", "accounts", params={"$filter": condition.text, "$select": "accountid"})
        assert answer.status_code == 200, answer.text
        found = [row["accountid"] for row in answer.json()["value"]]
        assert found == [key for key, row in zip(keys, every, strict=True) if condition.holds(row, every)]
