"""Queries: what is made of a table's columns reads as OData, refuses what does not fit, and shows no value."""

from __future__ import annotations

import ast
import copy
import datetime as dt
import json
import pickle
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import shared_data
from tests.packages import DYNAMICS, Package, Packages, mypy, syntax
from tests.unit.generator.documents import csdl
from tests.unit.generator.kinds import PRIMITIVES

from dynamics_portal_generator.csdl import local_name, read_metadata

ID = UUID("00000000-0000-0000-0000-00000000000a")
NOON = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
CRM = "Microsoft.Dynamics.CRM."


@pytest.fixture(scope="module")
def thing(kinds: Package) -> Any:
    return kinds.model("Thing")


@pytest.fixture(scope="module")
def c(thing: Any) -> Any:
    return thing._columns_()


@pytest.fixture(scope="module")
def seats(kinds: Package) -> Any:
    return kinds.model("Seat")._columns_()


@pytest.fixture(scope="module")
def status(kinds: Package) -> Any:
    return kinds.model("ThingStatus")


Make = Callable[[Any], Any]


def text(condition: Any) -> str:
    """What a condition says."""
    return str(condition._filter_(condition._model))


# Comparisons


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda c: c.text == "O'Brien", "text eq 'O''Brien'"),
        (lambda c: c.text != "100% & +", "text ne '100% & +'"),
        (lambda c: c.text == None, "text eq null"),  # noqa: E711 # that is how null is compared
        (lambda c: c.text.is_null(), "text eq null"),
        (lambda c: c.text.is_not_null(), "text ne null"),
        (lambda c: c.text < "b", "text lt 'b'"),
        (lambda c: c.guid == ID, f"guid eq {ID}"),
        (lambda c: c.guid == str(ID).upper(), f"guid eq {ID}"),
        (lambda c: c.yes == True, "yes eq true"),  # noqa: E712 # that is how a column is compared
        (lambda c: c.number >= -5, "number ge -5"),
        (lambda c: c.number < 5, "number lt 5"),
        (lambda c: c.long <= 2**40, f"long le {2**40}"),
        (lambda c: c.money > Decimal("5.00"), "money gt 5.00"),
        (lambda c: c.money == Decimal("1E+2"), "money eq 100"),
        (lambda c: c.real < 0.5, "real lt 0.5"),
        (lambda c: c.moment < NOON, "moment lt 2026-01-31T12:00:00Z"),
        (lambda c: c.day == dt.date(2026, 1, 31), "day eq 2026-01-31"),
        (lambda c: c.hour > dt.time(12, 30), "hour gt 12:30:00"),
        (lambda c: c.span < dt.timedelta(days=1), "span lt duration'P1DT0S'"),
        (lambda c: c.blob == b"\xff", "blob eq binary'/w=='"),
        (lambda c: c._parent_value == ID, f"_parent_value eq {ID}"),
        (lambda c: c.parent_value == ID, f"_parent_value eq {ID}"),
        (lambda c: c.text == c.once, "text eq once"),
        (lambda c: c.moment > c.made, "moment gt made"),
        (lambda c: c.parent.c.parent.c.text == "x", "Parent/Parent/text eq 'x'"),
    ],
)
def test_a_comparison_spells_its_value_as_its_column_does(c: Any, make: Make, said: str) -> None:
    assert text(make(c)) == said


def test_choices_and_enumerations_are_compared_by_their_members(kinds: Package, c: Any, status: Any) -> None:
    tags, color, rights = kinds.model("ThingTags"), kinds.model("Color"), kinds.model("Rights")
    assert text(c.status == status.LOST) == "status eq -1"
    assert (
        text(c.status.in_([status.OPEN, status(77)])) == f'{CRM}In(PropertyName=\'status\',PropertyValues=["1","77"])'
    )
    assert text(c.tags == {tags.NEW, tags.OLD}) == "tags eq '10,20'"
    assert text(c.tags.contain_values(tags.OLD)) == f"{CRM}ContainValues(PropertyName='tags',PropertyValues=[\"10\"])"
    assert 'DoesNotContainValues(PropertyName=\'tags\',PropertyValues=["10","20"])' in text(
        c.tags.does_not_contain_values(tags.OLD, tags.NEW)
    )
    assert text(c.color == color.RED) == "color eq N.Color'Red'"
    assert text(c.rights == rights.READ | rights.WRITE) == "rights eq N.Rights'Default,Write'"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda c: c.text == 5, "Thing.text: expected str, got int"),
        (lambda c: c.day == "2026-01-31", "Thing.day: expected date, got str"),
        (lambda c: c.day == NOON, "Thing.day: expected date, got datetime"),
        (lambda c: c.moment == dt.datetime(2026, 1, 1), "Thing.moment: expected a datetime with a time zone"),
        (lambda c: c.guid == "no id", "Thing.guid: expected a UUID"),
        (lambda c: c.number == True, "Thing.number: expected int, got bool"),  # noqa: E712 # no number
        (lambda c: c.octet == 256, "Thing.octet: expected a whole number from 0 to 255"),
        (lambda c: c.status == "open", "Thing.status: expected int, got str"),
        (lambda c: c.number < None, "null has no place here"),
        (lambda c: c.text.in_([None]), "null has no place here"),
        (lambda c: c.text.in_([]), "In takes at least one value"),
        (lambda c: c.text.in_("abc"), "In takes a list of values, got str"),
        (lambda c: c.number.between(1, None), "null has no place here"),
        (lambda c: c.text.contains(5), "Thing.text: expected str, got int"),
        (lambda c: c.text.contains(None), "null has no place here"),
        (lambda c: c.day.last_x_days(0), "LastXDays takes a whole number from 1"),
        (lambda c: c.day.last_x_days(2**31), "LastXDays takes a whole number from 1"),
        (lambda c: c.day.last_x_days("7"), "LastXDays takes a whole number, got str"),
        (lambda c: c.day.on("2026-01-31"), "On takes a date, got str"),
        (lambda c: c.day.on(NOON), "On takes a date, got datetime"),
        (lambda c: c.guid.under("x"), "Thing.guid: expected a UUID"),
        (lambda c: c.text == c.number, "Thing.text is Edm.String, Thing.number Edm.Int32"),
        (lambda c: c.text == c.parent.c.text, "only columns of the row itself"),
        (lambda c: c.parent.c.text == c.parent.c.once, "only columns of the row itself"),
        (lambda c: c.parent.c.children.any(), "any and all take a collection of the row itself"),
        (lambda c: c.children.all(None), "expected a condition"),
        (lambda c: c.children.any("text eq 'x'"), "expected a condition, got str"),
        (lambda c: c.children.expand(top=0), "top must be at least 1"),
        (lambda c: c.children.expand(top=1, expand=["Parent"]), "cannot stand beside a nested expand"),
        (lambda c: c.children.expand(select=["nothing"]), "Thing has no column 'nothing'"),
        (lambda c: c.children.expand(filter=" "), "filter: expected a condition"),
        (lambda c: c.children.expand(expand=["parent"]), "Thing has no navigation property 'parent'"),
    ],
)
def test_what_does_not_fit_is_refused_in_words_that_hold_no_value(c: Any, make: Make, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        make(c)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_column_that_the_table_lacks_is_named_with_the_nearest_one(c: Any) -> None:
    with pytest.raises(AttributeError, match="Thing has no column 'moeny'; did you mean 'money'"):
        c.moeny  # noqa: B018 # looking is enough
    assert {"money", "parent_value", "parent", "children", "home"} <= set(dir(c))


def test_what_cannot_be_compared_can_be_selected(c: Any, thing: Any) -> None:
    for column in (c.home, c.homes, c.words, c.file, c.place, c.any):
        assert column._select_(thing)
        with pytest.raises(TypeError):
            column < 1  # noqa: B015 # it does not come to a value


# Joining


def test_conditions_are_joined_with_parentheses_where_they_would_mean_something_else(c: Any) -> None:
    a, b, d = c.number == 1, c.number == 2, c.number == 3
    assert text(a & b & d) == "number eq 1 and number eq 2 and number eq 3"
    assert text((a | b) & d) == "(number eq 1 or number eq 2) and number eq 3"
    assert text(a | b & d) == "number eq 1 or (number eq 2 and number eq 3)"
    assert text(~(a | b) & ~d) == "not (number eq 1 or number eq 2) and not (number eq 3)"
    assert ~~a == a


def test_no_query_function_is_negated_but_by_its_counterpart(c: Any) -> None:
    """The service refuses `not` before a query function, however far before it."""
    a, listed, mine = c.number == 1, c.number.in_([1]), c.guid.equal_user_id()
    assert ~listed == c.number.not_in([1])
    assert ~c.number.not_in([1]) == listed
    assert ~c.number.between(1, 2) == c.number.not_between(1, 2)
    assert ~c.tags.contain_values(10) == c.tags.does_not_contain_values(10)
    assert ~mine == c.guid.not_equal_user_id()
    assert ~c.guid.under(ID) == c.guid.not_under(ID)
    assert text(~(a & listed)) == f"not (number eq 1) or {text(c.number.not_in([1]))}"
    assert text(~(listed | a & mine) & a) == (
        f"{text(c.number.not_in([1]))} and (not (number eq 1) or {text(~mine)}) and number eq 1"
    )
    assert ~c.children.any(listed) == c.children.all(~listed)
    assert ~c.children.all(listed & a) == c.children.any(~listed | ~a)
    assert text(~c.children.any(a)) == "not (children/any(x1:x1/number eq 1))"
    assert ~~(listed & a) == (listed & a)


@pytest.mark.parametrize(
    "make",
    [
        lambda c: c.day.last_x_days(7),
        lambda c: c.guid.above(ID),
        lambda c: (c.number == 1) & c.day.today(),
        lambda c: c.day.today() | (c.number == 1),
        lambda c: c.children.any(lambda child: child.day.today() & child.number.in_([1])),
    ],
)
def test_what_the_service_cannot_negate_is_told_at_once(c: Any, make: Make) -> None:
    condition = make(c)
    with pytest.raises(TypeError, match=r"the service cannot negate (LastXDays|Above|Today): say"):
        ~condition  # noqa: B018 # it does not come to a value


@pytest.mark.parametrize(
    "make",
    [
        lambda c: (c.number == 1) and (c.number == 2),
        lambda c: (c.number == 1) or (c.number == 2),
        lambda c: not (c.number == 1),  # noqa: SIM201 # the mistake that is meant
        lambda c: 1 < c.number < 5,
        lambda c: c.text in [c.once],
        lambda c: bool(c.number),
        lambda c: "x" if c.text else "y",
    ],
)
def test_python_has_no_say_in_the_truth_of_a_condition(c: Any, make: Make) -> None:
    with pytest.raises(TypeError, match="neither true nor false"):
        make(c)


def test_conditions_of_two_tables_do_not_join(c: Any, seats: Any) -> None:
    with pytest.raises(ValueError, match="a condition on Seat where one on Thing is expected"):
        (c.number == 1) & (seats.number == 1)
    with pytest.raises(TypeError):
        (c.number == 1) & "number eq 1"
    with pytest.raises(TypeError):
        (c.number == 1) | True


def test_a_condition_of_another_table_is_not_taken(c: Any, seats: Any, thing: Any) -> None:
    mistakes: list[Callable[[], Any]] = [
        lambda: thing._query_(filter=seats.number == 1),
        lambda: thing._query_(select=[seats.number]),
        lambda: thing._query_(order_by=[seats.number.desc()]),
        lambda: c.seats.any(c.number == 1),
        lambda: c.seats.expand(select=[c.number]),
        lambda: c.seats.expand(filter=c.number == 1),
    ]
    for wrong in mistakes:
        with pytest.raises(ValueError, match="is expected"):
            wrong()


# Related rows


def test_any_and_all_name_their_rows_by_variables_of_their_own(c: Any, seats: Any) -> None:
    assert text(c.children.any()) == "children/any()"
    assert text(c.seats.any(lambda seat: seat.taken == False)) == "seats/any(x1:x1/taken eq false)"  # noqa: E712
    assert text(c.seats.all(seats.number > 3)) == "seats/all(x1:x1/number gt 3)"
    nested = c.children.any(lambda child: child.children.all(lambda inner: inner.text == "a") & (child.number < 1))
    assert text(nested) == "children/any(x2:x2/children/all(x1:x1/text eq 'a') and x2/number lt 1)"
    assert text(c.children.any(lambda one: one.text == one.once)) == "children/any(x1:x1/text eq x1/once)"
    both = c.children.any(lambda one: one.number == 1) & c.children.any(lambda one: one.parent.c.number == 2)
    assert text(both) == "children/any(x1:x1/number eq 1) and children/any(x1:x1/Parent/number eq 2)"


def test_an_expansion_says_what_is_read_of_the_other_end(c: Any, thing: Any) -> None:
    def expanded(item: Any) -> str:
        return str(dict(thing._query_(expand=[item]))["$expand"])

    assert expanded(c.parent) == expanded("Parent") == "Parent"
    assert expanded(c.parent.expand(select=["text", c.day])) == "Parent($select=text,day)"
    whole = c.children.expand(
        select=lambda child: [child.text],
        filter=lambda child: (child.text == "a;b") & child.day.is_not_null(),
        order_by=lambda child: [child.day.desc(), child.parent.c.text],
        top=3,
    )
    assert expanded(whole) == (
        "children($select=text;$filter=text eq 'a;b' and day ne null;$orderby=day desc,Parent/text;$top=3)"
    )
    nested = c.children.expand(expand=lambda child: [child.parent.expand(expand=[c.seats.expand(filter="x eq 1")])])
    assert expanded(nested) == "children($expand=Parent($expand=seats($filter=x eq 1)))"
    with pytest.raises(ValueError, match="expand it within Parent"):
        expanded(c.parent.c.children)


def test_no_more_is_expanded_than_the_service_takes(c: Any, thing: Any) -> None:
    deep = c.parent.expand(expand=[c.parent.expand(expand=[c.parent])])
    thing._query_(expand=[deep] * 5)
    with pytest.raises(ValueError, match="15 navigation properties"):
        thing._query_(expand=[*[deep] * 5, c.parent])


# Options


def test_options_take_columns_and_names_alike(c: Any, thing: Any) -> None:
    options = thing._query_(
        select=[c.text, "day", c.parent_value],
        filter=c.text == "x",
        order_by=[c.day.desc(), c.text, "number asc", c.parent.c.text.asc(), "Parent/day desc"],
        top=5,
    )
    assert options == [
        ("$select", "text,day,_parent_value"),
        ("$filter", "text eq 'x'"),
        ("$orderby", "day desc,text,number asc,Parent/text asc,Parent/day desc"),
        ("$top", "5"),
    ]
    assert thing._query_(order_by=c.day) == thing._query_(order_by="day") == [("$orderby", "day")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"select": "text"}, "select: expected a list of names, got str"),
        ({"select": []}, "at least one name"),
        ({"select": [5]}, "select: int has no place in it"),
        ({"expand": {"Parent": 1}}, "expand: expected a list of names, got dict"),
        ({"order_by": [5]}, "order_by: int has no place in it"),
        ({"order_by": "text up"}, "asc or desc"),
        ({"order_by": "Parnt/text"}, "did you mean 'Parent'"),
        ({"filter": True}, "filter: expected a condition, or an OData filter as text, got bool"),
        ({"top": True}, "top: expected a whole number, got bool"),
    ],
)
def test_an_option_of_the_wrong_kind_is_named(thing: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        thing._query_(**options)


def test_a_related_rows_column_is_expanded_and_not_selected(c: Any, thing: Any) -> None:
    with pytest.raises(ValueError, match="expand Parent"):
        thing._query_(select=[c.parent.c.text])


# Functions


def functions(c: Any) -> Iterator[tuple[str, str]]:
    """Each query function that a column has, by name, and what it says."""
    arguments = {"Counted": (7,), "InPeriod": (2, 2026), "OnDay": (dt.date(2026, 1, 31),), "OfRow": (ID,), "Plain": ()}
    for column in (c.day, c.guid, c.number):
        for cls in type(column).__mro__:
            for name, value in vars(cls).items():
                if type(value).__name__ in arguments:
                    yield value.name, text(getattr(column, name)(*arguments[type(value).__name__]))
    yield "In", text(c.number.in_([1, 2]))
    yield "NotIn", text(c.number.not_in([1, 2]))
    yield "Between", text(c.number.between(1, 2))
    yield "NotBetween", text(c.number.not_between(1, 2))
    yield "Contains", text(c.text.full_text_contains("x"))
    yield "ContainValues", text(c.tags.contain_values(10))
    yield "DoesNotContainValues", text(c.tags.does_not_contain_values(10))


def test_every_query_function_of_an_organisation_is_a_method_with_its_parameters(c: Any) -> None:
    metadata = read_metadata(shared_data("metadata", DYNAMICS).read_bytes())
    declared = {
        local_name(overload.name): [parameter.name for parameter in overload.parameters]
        for overloads in metadata.operations.values()
        for overload in overloads
        if overload.parameters and overload.parameters[0].name == "PropertyName"
    }
    found = dict(functions(c))
    assert set(found) - set(declared) == {"EqualRoleBusinessId"}  # which the reference has, and this organisation lacks
    assert set(declared) <= set(found)
    for name, parameters in declared.items():
        said = found[name]
        assert said.startswith(f"{CRM}{name}(PropertyName='")
        assert [part for part in parameters if f"{part}=" in said] == parameters


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda c: c.number.between(5, 2000), "Between(PropertyName='number',PropertyValues=[\"5\",\"2000\"])"),
        (lambda c: c.money.in_([Decimal("1.50")]), "In(PropertyName='money',PropertyValues=[\"1.50\"])"),
        (lambda c: c.text.in_(["a'b", 'a"b\\c']), r"""In(PropertyName='text',PropertyValues=["a'b","a\"b\\c"])"""),
        (lambda c: c.guid.not_in([ID]), f"NotIn(PropertyName='guid',PropertyValues=[\"{ID}\"])"),
        (lambda c: c.day.on_or_after(dt.date(2026, 1, 31)), "OnOrAfter(PropertyName='day',PropertyValue='2026-01-31')"),
        (lambda c: c.moment.last_x_hours(3), "LastXHours(PropertyName='moment',PropertyValue=3)"),
        (lambda c: c.day.in_fiscal_period_and_year(period=2, year=2026),
         "InFiscalPeriodAndYear(PropertyName='day',PropertyValue1=2,PropertyValue2=2026)"),
        (lambda c: c.guid.under(ID), f"Under(PropertyName='guid',PropertyValue='{ID}')"),
        (lambda c: c.number.equal_user_language(), "EqualUserLanguage(PropertyName='number')"),
        (lambda c: c.parent_value.equal_user_id(), "EqualUserId(PropertyName='parent')"),
        (lambda c: c.text.full_text_contains("a'b"), "Contains(PropertyName='text',PropertyValue='a''b')"),
    ],
)  # fmt: skip
def test_a_function_names_its_column_and_its_values(c: Any, make: Make, said: str) -> None:
    assert text(make(c)) == CRM + said


def test_a_function_of_a_related_row_stands_behind_the_way_to_it(c: Any) -> None:
    assert text(c.parent.c.day.today()) == f"Parent/{CRM}Today(PropertyName='day')"
    assert text(c.children.any(lambda one: one.parent.c.day.today())) == (
        f"children/any(x1:x1/Parent/{CRM}Today(PropertyName='day'))"
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda c: c.text.contains("a'b"), "contains(text,'a''b')"),
        (lambda c: c.text.startswith("50%_[x]"), "startswith(text,'50[%][_][[]x]')"),
        (lambda c: c.text.endswith("a_b", wildcards=True), "endswith(text,'a_b')"),
        (lambda c: c.parent.c.text.contains("x"), "contains(Parent/text,'x')"),
    ],
)
def test_wildcards_stand_for_themselves_unless_they_are_asked_for(c: Any, make: Make, said: str) -> None:
    assert text(make(c)) == said


# Aggregates


def test_an_aggregate_says_its_method_and_decodes_as_its_column(c: Any, thing: Any) -> None:
    said, output = c.money.sum()._aggregate_(thing, "total")
    assert (said, output.answered, output.decode(Decimal("1.50"))) == (
        "money with sum as total",
        "total",
        Decimal("1.50"),
    )
    said, output = c.day.max()._aggregate_(thing, "latest")
    assert (said, output.decode("2026-01-31")) == ("day with max as latest", dt.date(2026, 1, 31))
    assert c.number.average()._aggregate_(thing, "mean")[1].decode is None  # the mean of whole numbers need not be one
    assert c.parent.c.text._group_(thing)[1][:2] == ("thing_text", "Parent/text")
    with pytest.raises(ValueError, match="does not group"):
        c.day._group_(thing)
    assert not hasattr(c.text, "sum")


# What is kept, shown and carried elsewhere

secrets = st.text(st.characters(categories=("L", "N")), min_size=6, max_size=12).map(lambda word: f"zq{word}")


@given(word=secrets)
def test_a_representation_shows_the_schema_and_no_value(kinds: Package, word: str) -> None:
    c = kinds.model("Thing")._columns_()
    condition = (c.text == word) & ~c.text.contains(word) | c.text.in_([word, "x"]) & c.children.any(c.text >= word)
    assert word not in repr(condition)
    assert word in text(condition)
    assert "text eq …" in repr(condition)
    assert "PropertyValues=…" in repr(condition)
    expansion = c.children.expand(filter=lambda one: one.text == word)
    assert word not in repr(expansion)
    for value in (c, c.text, c.text.desc(), c.parent, c.money.sum(), expansion):
        assert repr(value).startswith("<")


def test_a_condition_is_a_plain_value(c: Any) -> None:
    condition = (c.text == "x") & c.children.any(lambda one: one.day.today())
    for other in (pickle.loads(pickle.dumps(condition)), copy.deepcopy(condition)):  # noqa: S301 # our own
        assert other == condition
        assert hash(other) == hash(condition)
        assert text(other) == text(condition)
    assert condition != (c.text == "y")
    assert condition != "text eq 'x'"
    assert len({c.text == "x", c.text == "x", c.text == "y"}) == 2


@given(value=st.text())
def test_no_text_breaks_out_of_its_literal(kinds: Package, value: str) -> None:
    c = kinds.model("Thing")._columns_()
    said = text(c.text == value).removeprefix("text eq ")
    assert said[0] == said[-1] == "'"
    assert said[1:-1].replace("''", "").count("'") == 0
    assert said[1:-1].replace("''", "'") == value
    listed = text(c.text.in_([value])).partition("PropertyValues=")[2].removesuffix(")")
    assert json.loads(listed) == [value]


def test_each_type_of_column_has_the_kind_that_its_generated_namespace_declares(kinds: Package, c: Any) -> None:
    declared = dict(
        line.strip().split(": ", 1)
        for line in kinds.source("columns/thing.py").replace("[\n        ", "[").splitlines()
        if line.startswith("    ") and ": " in line and "Root" in line
    )
    for name in (*PRIMITIVES, "status", "tags", "color", "rights", "home", "homes", "words", "parent_value", "colors"):
        assert declared[name].partition("[")[0] == type(getattr(c, name)).__name__
    assert declared["parent"].startswith("SinglePath")
    assert declared["children"].startswith("CollectionPath")


CLASHES = csdl("""
<EntityType Name="feedback"><Key><PropertyRef Name="feedbackid"/></Key>
  <Property Name="feedbackid" Type="Edm.Guid" Nullable="false"/><Property Name="FeedbackId" Type="Edm.String"/>
  <Property Name="c" Type="Edm.String"/><Property Name="class" Type="Edm.String"/>
  <Property Name="expand" Type="Edm.Int32"/><Property Name="any" Type="Edm.Date"/><Property Name="str" Type="Edm.Date"/>
  <Property Name="_owner_value" Type="Edm.Guid"/><Property Name="owner_value" Type="Edm.String"/>
  <NavigationProperty Name="class_" Type="A.feedback"/><NavigationProperty Name="C" Type="Collection(A.feedback)"/>
</EntityType>
<EntityContainer Name="Clashes"><EntitySet Name="feedbacks" EntityType="A.feedback"/></EntityContainer>
""")


def test_names_that_clash_are_those_of_the_rows(packages: Packages, mypy_cache: Path) -> None:
    package = packages.of_csdl("clashes_api", CLASHES)
    model = package.model("Feedback")
    namespace = model._columns_()
    source = syntax(package.path / "columns" / "feedback.py")
    declared = {
        item.target.id
        for node in source.body
        if isinstance(node, ast.ClassDef)
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }
    assert declared == set(dir(namespace))
    assert len(declared) == len(model.__columns__) + len(model.navigation()) == 11
    said = {getattr(namespace, name)._text() for name in declared}
    assert said == {*model.__columns__, *model.navigation()}
    assert mypy(mypy_cache, package.folder, "-p", package.name) == []
