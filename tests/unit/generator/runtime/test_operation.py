"""Operations: the request that each kind of binding and parameter makes, and the result that each answer gives."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, unquote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.packages import Package

from dynamics_portal_api.operations import NewSetWebsiteVisibility

ID = UUID(int=7)


def arguments(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query, keep_blank_values=True, strict_parsing=True).items()}


def test_an_action_on_a_row_posts_its_parameters(kinds: Package) -> None:
    models = kinds.module("models")
    request = kinds.operation("Paint")(
        ID,
        color=models.Color.RED,
        where=models.Postbox(box=1),
        target_=models.Seat(hall="A", number=2),
        others=[models.Thing(thingid=ID)],
    ).request()
    assert (request.method, request.path, request.query) == ("POST", f"things({ID})/N.Paint", "")
    assert request.body == {
        "Color": "Red",
        "Where": {"@odata.type": "#N.Postbox", "Box": 1},
        "Target": {"@odata.type": "#N.seat", "hall": "A", "number": 2},
        "Others": [{"thingid": str(ID)}],
    }


def test_an_action_on_all_rows_is_posted_to_the_set(kinds: Package) -> None:
    request = kinds.operation("Clear")(before=dt.date(2024, 1, 1)).request()
    assert request == ("POST", "things/N.Clear", "", {"Before": "2024-01-01"})


def test_an_unbound_action_is_posted_to_its_import(kinds: Package) -> None:
    rights = kinds.model("Rights")
    assert kinds.operation("Purge")(rights=rights.WRITE).request() == ("POST", "Purge", "", {"Rights": "Write"})


def test_a_row_with_a_composite_key_is_named_in_full(kinds: Package) -> None:
    request = kinds.operation("Reserve")({"hall": "A/B", "number": 1}).request()
    assert request == ("POST", "seats(hall=%27A%2FB%27,number=1)/N.Reserve", "", {})


def test_a_row_may_be_given_by_an_alternate_key(kinds: Package) -> None:
    assert kinds.operation("Size")({"text": "x"}).request().path == "things(text=%27x%27)/N.Size()"


def test_a_functions_parameters_go_by_aliases(kinds: Package) -> None:
    request = kinds.operation("Find")(text="O'Brien & +1", at=None, limit=5).request()
    assert (request.method, request.path) == ("GET", "Find(Text=@p1,At=@p2,Limit=@p3)")
    assert arguments(request.query) == {"@p1": "'O''Brien & +1'", "@p2": "null", "@p3": "5"}
    assert request.body is None


def test_what_is_optional_is_left_out_and_what_is_not_is_null(kinds: Package) -> None:
    """A function is found by the names of its parameters, so one that is not optional is always there."""
    request = kinds.operation("Find")(text="a").request()
    assert request.path == "Find(Text=@p1,At=@p2)"
    assert arguments(request.query) == {"@p1": "'a'", "@p2": "null"}


def test_an_actions_parameters_are_left_out_where_they_are_not_set(kinds: Package) -> None:
    assert kinds.operation("Clear")().request().body == {}
    assert kinds.operation("Clear")(before=None).request().body == {"Before": None}


def test_enumerations_objects_and_lists_have_their_literals(kinds: Package) -> None:
    models = kinds.module("models")
    request = kinds.operation("Find")(
        text="a",
        colors=[models.Color.RED, models.Color("New")],
        home=models.Address(street="Øvre gate"),
        rights=models.Rights.ALL,
        target_=models.Seat(hall="A"),
    ).request()
    aliases = {name: alias for name, _, alias in (item.partition("=") for item in request.path[5:-1].split(","))}
    values = {name: arguments(request.query)[alias] for name, alias in aliases.items()}
    assert values.pop("Rights") == "N.Rights'All'"
    assert json.loads(values["Colors"]) == ["Red", "New"]
    assert json.loads(values["Home"]) == {"Street": "Øvre gate"}
    assert json.loads(values["Target"]) == {"@odata.type": "#N.seat", "hall": "A"}


def test_a_row_may_be_given_by_reference(kinds: Package) -> None:
    """As Dataverse's documentation has it: `@p1={'@odata.id':'accounts(…)'}`."""
    reference = {"@odata.id": f"things({ID})"}
    request = kinds.operation("Find")(text="a", limit=None, target_=reference).request()
    assert json.loads(arguments(request.query)["@p4"]) == reference
    typed = {"@odata.type": "N.thing", "thingid": str(ID)}
    elsewhere = kinds.operation("Paint")(ID, color="Red", target_=typed, others=[]).request()
    assert elsewhere.body is not None
    assert elsewhere.body["Target"] == typed


@given(st.text())
def test_no_text_breaks_out_of_an_argument(kinds: Package, text: str) -> None:
    try:
        request = kinds.operation("Find")(text=text).request()
    except UnicodeEncodeError:  # half a surrogate pair, which no URL can hold
        return
    assert request.path == "Find(Text=@p1,At=@p2)"
    first, _, rest = request.query.partition("&")
    assert rest == "@p2=null"
    assert unquote(first) == "@p1='" + text.replace("'", "''") + "'"


def test_functions_on_a_row_and_on_all_rows_have_their_paths(kinds: Package) -> None:
    assert kinds.operation("Size")(ID).request() == ("GET", f"things({ID})/N.Size()", "", None)
    assert kinds.operation("Mean")().request() == ("GET", "things/N.Mean()", "", None)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda kinds: kinds.operation("Find")(text=None), "Find: text is required"),
        (lambda kinds: kinds.operation("Find")(text=5), "Find.Text: expected str, got int"),
        (lambda kinds: kinds.operation("Find")(text="a", colors="Red"), "Find.Colors: expected a list, got str"),
        (lambda kinds: kinds.operation("Paint")("x", color="Red", others=[]), "Thing.thingid: expected a UUID"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused_before_anything_is_sent(
    kinds: Package, make: Any, message: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make(kinds).request()


def test_a_required_parameter_cannot_be_forgotten(kinds: Package) -> None:
    with pytest.raises(TypeError, match="text"):
        kinds.operation("Find")()


def test_functions_may_be_repeated_and_actions_not(kinds: Package) -> None:
    assert kinds.operation("Find").__operation__.idempotent
    assert not kinds.operation("Paint").__operation__.idempotent


def test_an_operation_knows_the_row_that_it_is_called_on(kinds: Package) -> None:
    assert kinds.operation("Size")(ID).target() == ID
    assert kinds.operation("Find")(text="a").target() is kinds.module().UNSET


# Results


def test_a_row_is_the_answer_itself(kinds: Package) -> None:
    result = kinds.operation("Newest").result({"@odata.context": "x", "text": "a"})
    assert type(result) is kinds.model("Thing")
    assert result.text == "a"
    assert result.additional_properties == {"@odata.context": "x"}


def test_a_row_of_any_table_is_of_the_type_that_the_answer_names(kinds: Package) -> None:
    result = kinds.operation("Any_").result({"@odata.type": "#N.seat", "number": 3})
    assert type(result) is kinds.model("Seat")
    assert result.number == 3


def test_a_complex_result_is_the_answer_itself(kinds: Package) -> None:
    assert kinds.operation("Home").result({"Street": "Storgata"}).street == "Storgata"
    assert kinds.operation("Paint").result({"Total": 1}).total == Decimal(1)


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("Total", Decimal("1.10"), Decimal("1.10")),
        ("Size", "5", 5),
        ("Mean", "INF", float("inf")),
        ("Dates", ["2024-01-01"], [dt.date(2024, 1, 1)]),
        ("Dates", [], []),
    ],
)
def test_a_primitive_result_is_in_the_answers_value(kinds: Package, name: str, value: Any, result: Any) -> None:
    assert kinds.operation(name).result({"@odata.context": "x", "value": value}) == result


def test_an_enumeration_results_in_its_member(kinds: Package) -> None:
    assert kinds.operation("Favourite").result({"value": "Red"}) is kinds.model("Color").RED
    assert kinds.operation("Favourite").result({"value": None}) is None


def test_a_list_of_rows_is_in_the_answers_value(kinds: Package) -> None:
    rows = kinds.operation("Find").result({"value": [{"text": "a"}, {"text": "b"}]})
    assert [type(row).__name__ + row.text for row in rows] == ["Thinga", "Thingb"]


def test_nothing_is_the_result_of_no_content(kinds: Package) -> None:
    assert kinds.operation("Purge").result(None) is None
    assert kinds.operation("Purge").result({"anything": 1}) is None
    assert kinds.operation("Newest").result(None) is None


@pytest.mark.parametrize(("name", "answer"), [("Total", {"value": "x"}), ("Dates", {"value": "x"}), ("Newest", [1])])
def test_an_answer_of_another_type_is_refused(kinds: Package, name: str, answer: Any) -> None:
    with pytest.raises(ValueError, match=f"{name}"):
        kinds.operation(name).result(answer)


def test_a_parameter_of_the_wrong_type_is_named_without_its_value() -> None:
    action: Any = NewSetWebsiteVisibility
    with pytest.raises(TypeError, match=r"^NewSetWebsiteVisibility\.Visible: expected bool, got str$"):
        action(str(UUID(int=1)), visible="Kari Nordmann").request()
