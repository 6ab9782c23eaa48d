"""Actions and functions: how they are addressed, checked and answered."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.integration.emulator.conftest import Browser, error_of

from dynamics_portal_emulator import DataverseError, Emulator

A = "aaaaaaaa-0000-0000-0000-000000000001"
CRM = "Microsoft.Dynamics.CRM"


class Recorder:
    """A handler that notes what it gets and answers the same each time."""

    def __init__(self, result: Any = None) -> None:
        self.result = result
        self.calls: list[tuple[dict[str, Any], dict[str, Any] | None]] = []

    def __call__(self, emulator: Emulator, parameters: dict[str, Any], target: dict[str, Any] | None) -> Any:
        self.calls.append((parameters, target))
        return self.result


def test_an_operation_without_a_handler_says_so_and_makes_nothing_up(shop: Browser) -> None:
    status, code, message = error_of(shop.post("Restart", {}))

    assert (status, code) == (501, "0x80040265")
    assert "'Restart' is not implemented here" in message


def test_a_bound_action_gets_its_parameters_and_its_row(shop: Browser) -> None:
    shop.emulator.seed("accounts", [{"accountid": A, "name": "Acme"}])
    handler = Recorder()
    shop.emulator.on_action("Rename", handler)

    body = '{"Name": "B", "Fee": 1.10}'
    answer = shop.send(
        "POST", f"accounts({A})/{CRM}.Rename", content=body.encode(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 204
    ((parameters, target),) = handler.calls
    assert parameters == {"Name": "B", "Fee": Decimal("1.10")}
    assert target is not None
    assert (target["accountid"], target["name"]) == (A, "Acme")


@pytest.mark.parametrize("name", [f"{CRM}.Rename", "mscrm.Rename"])
def test_a_bound_action_is_called_by_its_qualified_name(shop: Browser, name: str) -> None:
    shop.emulator.seed("accounts", [{"accountid": A}])
    shop.emulator.on_action(f"{CRM}.Rename", Recorder())

    assert shop.post(f"accounts({A})/{name}", {"Name": "B"}).status_code == 204
    assert shop.post(f"accounts({A})/Rename", {"Name": "B"}).status_code == 404
    assert shop.post(f"accounts/{name}", {"Name": "B"}).status_code == 404
    assert shop.post(f"products/{name}", {"Name": "B"}).status_code == 404
    assert shop.get(f"accounts({A})/{name}(Name='B')").status_code == 405


def test_an_action_on_a_row_that_is_not_there_is_not_found(shop: Browser) -> None:
    shop.emulator.on_action("Rename", Recorder())

    assert error_of(shop.post(f"accounts({A})/{CRM}.Rename", {"Name": "B"}))[:2] == (404, "0x80040217")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Required parameter 'Name' is missing"),
        ({"Name": None}, "Required parameter 'Name' is missing"),
        ({"Name": 5}, "Cannot convert the parameter 'Name'"),
        ({"Name": "B", "Colour": "red"}, "'Colour' in the request payload is not a valid parameter"),
        ([], "A JSON object was expected"),
    ],
)
def test_the_body_of_an_action_is_checked(shop: Browser, body: object, words: str) -> None:
    shop.emulator.seed("accounts", [{"accountid": A}])
    handler = Recorder()
    shop.emulator.on_action("Rename", handler)

    status, _, message = error_of(shop.post(f"accounts({A})/{CRM}.Rename", body))
    assert status == 400
    assert words in message
    assert handler.calls == []


def test_an_action_bound_to_a_collection_gets_no_row(shop: Browser) -> None:
    handler = Recorder(7)
    shop.emulator.on_action("Sweep", handler)

    answer = shop.post(f"accounts/{CRM}.Sweep", {})
    assert answer.json()["value"] == 7
    assert answer.json()["@odata.context"].endswith("$metadata#Edm.Int32")
    assert handler.calls == [({}, None)]


@pytest.mark.parametrize("query", ["Sum(From=1,To=2)", "Sum(From=@a,To=@b)?@a=1&@b=2", "Sum( To = 2 , From = 1 )"])
def test_a_function_takes_its_parameters_from_the_address(shop: Browser, query: str) -> None:
    handler = Recorder({"Amount": "3.50"})
    shop.emulator.on_action("Sum", handler)

    answer = shop.get(query)
    assert handler.calls == [({"From": 1, "To": 2}, None)]
    assert '"Amount":3.50' in answer.text
    assert answer.json()["@odata.context"].endswith(f"$metadata#{CRM}.Total")


def test_overloads_are_told_apart_by_their_parameters(shop: Browser) -> None:
    handler = Recorder({"Amount": 1})
    shop.emulator.on_action("Sum", handler)

    assert shop.get("Sum(From=1)").status_code == 200
    assert shop.get("Sum(From=1,To=2)").status_code == 200
    assert shop.get("Sum(Until=1)").status_code == 400
    assert shop.get("Sum(From='x')").status_code == 400
    assert shop.get("Sum(From=@missing)").status_code == 200
    assert shop.post("Sum", {}).status_code == 405
    assert [parameters for parameters, _ in handler.calls] == [{"From": 1}, {"From": 1, "To": 2}, {"From": None}]


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        (f"KindOf(Kind={CRM}.Kind'Big,Old')", {"Kind": "Big,Old"}),
        (f"KindOf(Kind=@k)?@k={CRM}.Kind'Old'", {"Kind": "Old"}),
        ("KindOf(Kind='Big')", {"Kind": "Big"}),
        ("KindOf(Kind=@nothing)", {"Kind": None}),
        ("KindOf(At=@a)?@a=2024-06-12T12:00:00%2B02:00", {"At": "2024-06-12T10:00:00Z"}),
        ("KindOf(Names=['a','b \"c\"'])", {"Names": ["a", 'b "c"']}),
        ('KindOf(Names=@n)?@n=["O\'Brien"]', {"Names": ["O'Brien"]}),
        (f"KindOf(Target=@t)?@t={{'@odata.id':'accounts({A})'}}", {"Target": {"@odata.id": f"accounts({A})"}}),
        (f'KindOf(Target=@t)?@t={{"@odata.id":"accounts({A})"}}', {"Target": {"@odata.id": f"accounts({A})"}}),
    ],
)
def test_a_parameter_of_any_type_is_read(shop: Browser, query: str, parameters: dict[str, Any]) -> None:
    handler = Recorder("Big")
    shop.emulator.on_action("KindOf", handler)

    answer = shop.get(query)
    assert handler.calls == [(parameters, None)], answer.text
    assert answer.json()["value"] == "Big"
    assert answer.json()["@odata.context"].endswith(f"$metadata#{CRM}.Kind")


@pytest.mark.parametrize(
    "query", ["KindOf(Kind='Huge')", "KindOf(Names='a')", "KindOf(Names=[1])", "KindOf(Target=[1])"]
)
def test_a_parameter_of_another_type_is_refused(shop: Browser, query: str) -> None:
    handler = Recorder("Big")
    shop.emulator.on_action("KindOf", handler)

    assert error_of(shop.get(query))[0] == 400
    assert handler.calls == []


def test_an_action_takes_and_answers_what_is_made_of_parts(shop: Browser) -> None:
    handler = Recorder([{"Amount": "1.10"}, {"Amount": 2}])
    shop.emulator.on_action("Paint", handler)
    body = {
        "Kind": 3,
        "Target": {"accountid": A, "@odata.type": f"{CRM}.account"},
        "Place": {"City": "Oslo"},
        "Places": [{"City": "Bergen", "Rent": 1.5}, {}],
        "Fees": [1, 2.50],
        "Day": "2024-02-29",
    }

    answer = shop.post("Paint", body)
    assert '"value":[{"Amount":1.10},{"Amount":2}]' in answer.text
    assert answer.json()["@odata.context"].endswith(f"$metadata#Collection({CRM}.Total)")
    ((parameters, _),) = handler.calls
    assert parameters["Kind"] == "Big,Old"
    assert parameters["Target"] == body["Target"]
    assert [place.get("City") for place in parameters["Places"]] == ["Bergen", None]
    for wrong in ({"Kind": "Big", "Place": "Oslo"}, {"Kind": "Big", "Places": [{"Town": "x"}]}, {"Kind": 9}):
        assert error_of(shop.post("Paint", wrong))[0] == 400


def test_rows_are_answered_as_rows_and_narrowed_where_a_function_is_composable(shop: Browser) -> None:
    shop.emulator.seed("accounts", [{"accountid": A, "name": "Acme", "size": 5}])
    shop.emulator.on_action("Best", lambda emulator, _, __: emulator.rows("accounts"))
    shop.emulator.on_action("Twin", lambda emulator, _, target: target)

    many = shop.get(f"accounts/{CRM}.Best?$select=name").json()
    assert many["@odata.context"].endswith("$metadata#accounts")
    ((etag, row),) = [(row.pop("@odata.etag"), row) for row in many["value"]]
    assert (etag[:3], row) == ('W/"', {"name": "Acme", "accountid": A})
    assert shop.get(f"accounts/{CRM}.Best()").json()["value"][0]["size"] == 5
    one = shop.get(f"accounts({A})/{CRM}.Twin()").json()
    assert (one["@odata.context"].rpartition("#")[2], one["name"]) == ("accounts/$entity", "Acme")
    assert "$filter" in error_of(shop.get(f"accounts/{CRM}.Best?$filter=size eq 5"))[2]
    assert "$select" in error_of(shop.get(f"accounts({A})/{CRM}.Twin()?$select=name"))[2]


def test_a_collection_of_decimals_is_exact(shop: Browser) -> None:
    shop.emulator.on_action("Fees", Recorder(["0.10", 1]))

    assert '"value":[0.10,1]' in shop.get("Fees()").text


@pytest.mark.parametrize("names", ["['account','product']", '["account","product"]'])
def test_rows_are_counted_beyond_the_ceiling(shop: Browser, names: str) -> None:
    shop.emulator.seed("accounts", [{}, {}])

    for query in (
        f"RetrieveTotalRecordCount(EntityNames={names})",
        f"RetrieveTotalRecordCount(EntityNames=@n)?@n={names}",
    ):
        told = shop.get(query).json()["EntityRecordCountCollection"]
        assert told == {"Count": 2, "IsReadOnly": False, "Keys": ["account", "product"], "Values": [2, 0]}
    assert error_of(shop.get("RetrieveTotalRecordCount(EntityNames=['nothing'])"))[:2] == (400, "0x80041102")
    assert error_of(shop.get("RetrieveTotalRecordCount()"))[0] == 400


def test_a_bound_function_gets_text_with_quotes(shop: Browser) -> None:
    shop.emulator.seed("accounts", [{"accountid": A}])
    handler = Recorder(("a", "b"))
    shop.emulator.on_action("Names", handler)

    answer = shop.get(f"accounts({A})/{CRM}.Names(Like='O''Brien, %2F (x)')").json()
    assert answer["value"] == ["a", "b"]
    assert handler.calls[0][0] == {"Like": "O'Brien, / (x)"}


def test_a_handler_answers_errors_of_its_choice(shop: Browser) -> None:
    def refuse(emulator: Emulator, parameters: dict[str, Any], target: dict[str, Any] | None) -> None:
        raise DataverseError(403, "0x80040220", "missing prvRestart privilege", {"Retry-After": "7"})

    shop.emulator.on_action("Restart", refuse)

    answer = shop.post("Restart", {})
    assert error_of(answer) == (403, "0x80040220", "missing prvRestart privilege")
    assert answer.headers["Retry-After"] == "7"


def test_a_handler_can_change_rows(shop: Browser) -> None:
    def restart(emulator: Emulator, parameters: dict[str, Any], target: dict[str, Any] | None) -> None:
        emulator.seed("accounts", [{"name": "made by the action"}])

    shop.emulator.on_action("Restart", restart)

    assert shop.post("Restart", {}).status_code == 204
    assert [row["name"] for row in shop.emulator.rows("accounts")] == ["made by the action"]


def test_a_handler_that_fails_or_answers_nonsense_is_a_server_error(
    shop: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(emulator: Emulator, parameters: dict[str, Any], target: dict[str, Any] | None) -> None:
        raise RuntimeError("a secret of the test")

    shop.emulator.on_action("Restart", fail)
    status, code, message = error_of(shop.post("Restart", {}))
    assert (status, code) == (500, "0x80040265")
    assert "RuntimeError" in message
    assert "secret" not in message
    assert "the handler of Restart failed" in caplog.text

    shop.emulator.on_action("Restart", Recorder("a result"))
    assert error_of(shop.post("Restart", {}))[0] == 500
    shop.emulator.on_action("Sum", Recorder({"Sum": 1}))
    assert "no property 'Sum'" in error_of(shop.get("Sum(From=1)"))[2]


def test_a_handler_for_an_unknown_operation_is_refused(shop: Browser) -> None:
    with pytest.raises(ValueError, match="no action or function named 'Nothing'"):
        shop.emulator.on_action("Nothing", Recorder())


def test_an_unknown_operation_is_not_found(shop: Browser) -> None:
    assert error_of(shop.post("Nothing", {}))[:2] == (404, "0x8006088a")
    assert error_of(shop.get("Nothing()"))[:2] == (404, "0x8006088a")


def test_the_portals_action_is_answered_by_a_hook(portal: Browser) -> None:
    def set_visibility(emulator: Emulator, parameters: dict[str, Any], target: dict[str, Any] | None) -> dict[str, Any]:
        assert target is not None
        return {"MentorId": target["contactid"], "IsVisible": parameters["Visible"]}

    (mentor,) = portal.emulator.seed("contacts", [{"lastname": "N"}])
    portal.emulator.on_action("new_SetWebsiteVisibility", set_visibility)

    answer = portal.post(f"contacts({mentor})/{CRM}.new_SetWebsiteVisibility", {"Visible": False}).json()
    assert (answer["MentorId"], answer["IsVisible"]) == (mentor, False)
