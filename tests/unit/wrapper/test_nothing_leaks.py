"""Planted secrets and personal data, in every place where they can come in, are found in no output.

Where something is planted: headers, addresses, bodies, texts of errors that echo input, answers to token requests,
providers' errors. Where it is searched: logs of every logger, `str`, `repr`, notes and arguments of exceptions, the
exceptions behind them, and the variables of every frame of the package that a traceback still holds, as printers of
locals show them, with the attributes of what is in them. The test's own frames are not searched: they hold the plants.
"""

from __future__ import annotations

import asyncio
import faulthandler
import inspect
import io
import json
import logging
import pickle
import pprint
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import product
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, cast
from urllib.parse import quote

import httpx2
import pyarrow as pa  # type: ignore[import-untyped] # it has no type hints
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.traceback import Traceback
from tests.unit.wrapper.support import BASE_URL, Clock, Service, Shell, make_portal, problem, token

import dynamics_portal
from dynamics_portal import (
    AsyncDynamicsPortalClient,
    AsyncTable,
    ClientCredentials,
    CredentialError,
    DynamicsPortalClient,
    DynamicsPortalClientException,
    EnvironmentCredentialProvider,
    StaticCredentialProvider,
    Table,
)
from dynamics_portal._logging import LOGGER
from dynamics_portal_api.models import Contact

TESTS = str(Path(__file__).resolve().parents[2])
FETCH = (
    '<fetch><entity name="contact"><attribute name="lastname"/><filter>'
    '<condition attribute="lastname" operator="eq" value="{name}"/></filter></entity></fetch>'
)
KEY = "11111111-2222-3333-4444-555555555555"


class Plants:
    """What is planted, and how each of it may be written."""

    def __init__(self, name: str = "Kari-Nordmann", secret: str = "s3cr3t", token: str = "t0k3n") -> None:
        self.secret = f"{secret}-that-nobody-may-see"
        self.token = f"{token}-that-nobody-may-see"
        self.tenant, self.client = "tenant-that-is-nobodys-business", "client-that-is-nobodys-business"
        self.name, self.mail = f"Zqx{name}", f"zqx.{quote(name, safe='')}@example.org"
        self.echo = f"Record {self.name} <{self.mail}> {self.secret} {self.client} {self.tenant} Bearer {self.token}"

    def found_in(self, output: str) -> list[str]:
        """Those that an output holds, however they are written."""
        lowered = output.lower()
        plain = (self.secret, self.token, self.name, self.mail, self.tenant, self.client)
        written = (form for text in plain for form in (text, quote(text), json.dumps(text)[1:-1], repr(text)[1:-1]))
        return [form for form in written if form.lower() in lowered]


def sent(batch: Any, fill: Callable[[Any], Any]) -> Any:
    """What an operation of a batch comes to, for either client."""
    if hasattr(batch, "__enter__"):
        with batch:
            pending = fill(batch)
        return pending.result()

    async def block() -> Any:
        async with batch:
            pending = fill(batch)
        return pending.result()

    return block()


def told(run: Any) -> Any:
    """The first failure of many rows, for either client."""
    if hasattr(run, "__next__"):
        for result in run:
            if result.error is not None:
                raise result.error
        return None

    async def results() -> None:
        async for result in run:
            if result.error is not None:
                raise result.error

    return results()


def in_a_set(batch: Any, it: Plants) -> Any:
    """An operation of a change set, beside others."""
    with batch.change_set() as changes:
        made = changes.contacts.create({"lastname": it.name})
        changes.contacts.update(made, {"emailaddress1": it.mail})
        return changes.contacts.delete(KEY)


Verb = Callable[[Any, Plants], Any]
VERBS: dict[str, Verb] = {
    "list": lambda portal, it: portal.contacts.list(filter=f"emailaddress1 eq '{it.mail}' or lastname eq '{it.name}'"),
    "pages": lambda portal, it: portal.contacts.list(filter=f"lastname eq '{it.name}'").pages(),
    "count": lambda portal, it: portal.contacts.count(filter=f"lastname eq '{it.name}'"),
    "get": lambda portal, it: portal.contacts.get(KEY, expand=[f"new_certification_mentor($filter=x eq '{it.name}')"]),
    "get by another key": lambda portal, it: portal.new_certifications.get({"_new_mentor_value": KEY, "new_type": 1}),
    "get, no key": lambda portal, it: portal.contacts.get(it.mail),
    "get, no key of that name": lambda portal, it: portal.contacts.get({"emailaddress1": it.mail, it.mail: it.name}),
    "get, a value that does not fit": lambda portal, it: portal.new_certifications.get(
        {"_new_mentor_value": it.mail, "new_type": it.name}
    ),
    "get, no column": lambda portal, it: portal.contacts.get(KEY, select=[it.mail]),
    "list, no order": lambda portal, it: portal.contacts.list(order_by=[it.mail]),
    "resume": lambda portal, it: portal.contacts.resume(it.mail),
    "total": lambda portal, it: portal.contacts.total(),
    "aggregate": lambda portal, it: portal.contacts.aggregate(
        filter=f"lastname eq '{it.name}'", group_by=["new_mentor_status"]
    ),
    "aggregate, as text": lambda portal, it: portal.contacts.aggregate(f"filter(lastname eq '{it.name}')"),
    "fetch_xml": lambda portal, it: portal.contacts.fetch_xml(FETCH, values={"name": it.name}),
    "fetch_xml, no value": lambda portal, it: portal.contacts.fetch_xml(FETCH, values={it.mail: it.name}),
    "fetch_xml, no XML": lambda portal, it: portal.contacts.fetch_xml(f"<fetch>{it.name}"),
    "fetch_xml_aggregate": lambda portal, it: portal.contacts.fetch_xml_aggregate(
        FETCH.replace("<fetch", '<fetch aggregate="true"'), values={"name": it.name}
    ),
    "saved_query": lambda portal, it: portal.contacts.saved_query(KEY),
    "user_query": lambda portal, it: portal.contacts.user_query(it.mail),
    "create_many": lambda portal, it: told(
        portal.contacts.create_many([{"lastname": it.name}, {it.mail: it.name}, {"lastname": [it.name]}])
    ),
    "update_many": lambda portal, it: told(portal.contacts.update_many([(KEY, {"lastname": it.name}), (it.mail, {})])),
    "upsert_many": lambda portal, it: told(portal.contacts.upsert_many([{"contactid": KEY, "lastname": it.name}])),
    "create_many, a value that does not fit": lambda portal, it: told(
        portal.contacts.create_many([{"lastname": [it.name]}])
    ),
    "update_many, no key": lambda portal, it: told(portal.contacts.update_many([(it.mail, {"lastname": it.name})])),
    "delete_many": lambda portal, it: told(portal.contacts.delete_many([KEY, it.mail])),
    "delete_where": lambda portal, it: portal.contacts.delete_where(("lastname", "Equal", it.name), job_name="x"),
    "delete_where, no column": lambda portal, it: portal.contacts.delete_where(
        (it.mail, it.name, it.name), job_name="x"
    ),
    "create_many, no rows": lambda portal, it: portal.contacts.create_many(it.name),
    "read_arrow": lambda portal, it: portal.contacts.read_arrow(filter=f"lastname eq '{it.name}'"),
    "read_arrow, parts": lambda portal, it: portal.contacts.read_arrow(ranges=3, filter=f"lastname eq '{it.name}'"),
    "read_arrow, no column": lambda portal, it: portal.contacts.read_arrow(select=[it.mail], labels=True),
    "ranges": lambda portal, it: portal.contacts.ranges(2, by="versionnumber", filter=f"lastname eq '{it.name}'"),
    "ranges, no column": lambda portal, it: portal.contacts.ranges(2, by=it.mail),
    "changes_arrow": lambda portal, it: portal.contacts.changes_arrow(),
    "changes_arrow, no token": lambda portal, it: portal.contacts.changes_arrow(since=it.mail),
    "write_arrow": lambda portal, it: told(portal.contacts.write_arrow(pa.table({"lastname": [it.name]}))),
    "write_arrow, a value that does not fit": lambda portal, it: told(
        portal.contacts.write_arrow(pa.table({"contactid": [it.mail], "new_mentor_status": [it.name]}), "upsert")
    ),
    "write_arrow, no column": lambda portal, it: portal.contacts.write_arrow(pa.table({it.mail: [it.name]})),
    "write_arrow, no table": lambda portal, it: portal.contacts.write_arrow([it.name]),
    "changes": lambda portal, it: portal.contacts.changes(since=it.mail),
    "changes, all": lambda portal, it: portal.contacts.changes(select=["firstname"]),
    "count_changes": lambda portal, it: portal.contacts.count_changes(since=f"x?{it.name}"),
    "partition": lambda portal, it: portal.contacts.partition(it.mail).get(KEY),
    "files": lambda portal, it: portal.contacts.files.download(it.mail, it.name),
    "create": lambda portal, it: portal.contacts.create({"lastname": it.name, "emailaddress1": it.mail}),
    "create, typed": lambda portal, it: portal.contacts.create(Contact(lastname=it.name, emailaddress1=it.mail)),
    "create, a value that does not fit": lambda portal, it: portal.contacts.create({"lastname": [it.name]}),
    "create, no column": lambda portal, it: portal.contacts.create({it.mail: it.name}),
    "create, no lookup": lambda portal, it: portal.new_certifications.create({"new_Mentor@odata.bind": {"x": it.mail}}),
    "update": lambda portal, it: portal.contacts.update(KEY, {"lastname": it.name, "emailaddress1": it.mail}),
    "update, no version": lambda portal, it: portal.contacts.update(KEY, {"lastname": it.name}, if_match=f"Å{it.mail}"),
    "upsert": lambda portal, it: portal.contacts.upsert(KEY, {"lastname": it.name}),
    "delete": lambda portal, it: portal.contacts.delete(KEY, if_match='W/"1"'),
    "reference": lambda portal, it: portal.contacts.reference(it.mail),
    "create, returned": lambda portal, it: portal.contacts.create({"lastname": it.name}, return_row=True),
    "upsert, returned": lambda portal, it: portal.contacts.upsert(KEY, {"lastname": it.name}, return_row=True),
    "get_if_changed": lambda portal, it: portal.contacts.get_if_changed(
        Contact.from_dict({"contactid": str(KEY), "lastname": it.name, "@odata.etag": 'W/"1"'})
    ),
    "get_if_changed, no version": lambda portal, it: portal.contacts.get_if_changed(Contact(lastname=it.name)),
    "get_value": lambda portal, it: portal.contacts.get_value(KEY, "lastname"),
    "get_value, no column": lambda portal, it: portal.contacts.get_value(KEY, it.mail),
    "set_value": lambda portal, it: portal.contacts.set_value(KEY, "lastname", it.name),
    "set_value, a value that does not fit": lambda portal, it: portal.contacts.set_value(KEY, "statecode", it.name),
    "clear_value": lambda portal, it: portal.contacts.clear_value(KEY, "lastname"),
    "associate": lambda portal, it: portal.contacts.associate(KEY, "ownerid", f"/systemusers({it.mail})"),
    "associate, no row": lambda portal, it: portal.contacts.associate(KEY, "ownerid", {it.mail: it.name}),
    "disassociate": lambda portal, it: portal.contacts.disassociate(
        KEY, "new_assignment_Mentor_contact", f"/new_assignments({it.mail})"
    ),
    "action": lambda portal, it: portal.new_set_website_visibility(KEY, visible=True, reason=it.name),
    "action, a value that does not fit": lambda portal, it: portal.new_set_website_visibility(KEY, visible=it.name),
    "function": lambda portal, it: portal.who_am_i(),
    "batch": lambda portal, it: sent(portal.batch(), lambda batch: batch.contacts.create({"lastname": it.name})),
    "batch, all of it": lambda portal, it: sent(
        portal.batch(continue_on_error=True), lambda batch: batch.contacts.list(filter=f"lastname eq '{it.name}'")
    ),
    "batch, a change set": lambda portal, it: sent(portal.batch(), lambda batch: in_a_set(batch, it)),
    "batch, a value that does not fit": lambda portal, it: sent(
        portal.batch(), lambda batch: batch.contacts.create({"lastname": [it.name], it.mail: it.mail})
    ),
    "metadata": lambda portal, it: portal.metadata(),
    "metadata_version": lambda portal, it: portal.metadata_version(),
    "table": lambda portal, it: portal.table(it.mail),
    "with_options": lambda portal, it: portal.with_options(correlation_id=f"Å{it.mail}").who_am_i(),
}
"""One of each, right and wrong."""

Answer = Callable[[Plants], Any]
ANSWERS: dict[str, Answer] = {
    "400": lambda it: problem(400, "0x80040265", it.echo),
    "404": lambda it: problem(404, it.secret, it.echo, x_ms_service_request_id=it.token),
    "412": lambda it: problem(412, "0x80060892", it.echo),
    "503": lambda it: problem(503, "0x0", it.echo, WWW_Authenticate=f"Bearer {quote(it.token)}"),
    "500, text": lambda it: httpx2.Response(500, content=it.echo.encode()),
    "500, HTML": lambda it: httpx2.Response(500, content=f"<html><p>{it.echo}</p></html>".encode()),
    "200, no JSON": lambda it: httpx2.Response(200, content=it.echo.encode()),
    "200, no row": lambda it: httpx2.Response(
        200, json={"contactid": it.echo, "value": [{"contactid": it.echo}], "UserId": it.echo}
    ),
    "200, a link that leads away": lambda it: httpx2.Response(
        200, json={"value": [], "@odata.nextLink": f"https://{it.client}.example.org/{quote(it.name)}"}
    ),
    "302": lambda it: httpx2.Response(302, headers={"Location": f"https://{it.client}/{quote(it.name)}"}),
    "timeout": lambda it: httpx2.ReadTimeout(it.echo),
    "no connection": lambda it: httpx2.ConnectError(it.echo),
    "no socket": lambda it: OSError(it.echo),
}

TOKEN_ANSWERS: dict[str, Answer] = {
    "refused": lambda it: httpx2.Response(
        401, json={"error": "invalid_client", "error_description": f"AADSTS7000215: {it.echo}"}
    ),
    "an echo": lambda it: httpx2.Response(400, json={"error": it.name, "error_description": it.echo}),
    "an echo alone": lambda it: httpx2.Response(400, json={"error": it.echo}),
    "no token": lambda it: httpx2.Response(200, json={"access_token": f"{it.token} {it.secret}"}),
    "no JSON": lambda it: httpx2.Response(200, content=it.echo.encode()),
    "500": lambda it: httpx2.Response(500, content=it.echo.encode()),
    "no connection": lambda it: httpx2.ConnectError(it.echo),
}

CLIENTS = (DynamicsPortalClient, AsyncDynamicsPortalClient)


class Kept(logging.Handler):
    """Keeps all that is logged, formatted and with every attribute."""

    def __init__(self) -> None:
        super().__init__(level=1)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record) + json.dumps(vars(record), default=repr))


class Logs:
    """All that is logged by anybody while it is entered."""

    def __enter__(self) -> Logs:
        self._root, self._handler = logging.getLogger(), Kept()
        self._levels = self._root.level, LOGGER.level
        self._root.addHandler(self._handler)
        self._root.setLevel(1)
        LOGGER.setLevel(logging.NOTSET)
        return self

    def __exit__(self, *exception: object) -> None:
        self._root.removeHandler(self._handler)
        self._root.setLevel(self._levels[0])
        LOGGER.setLevel(self._levels[1])

    def __str__(self) -> str:
        return "\n".join(self._handler.lines)


def behind(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that stand behind it, whether they are printed or not."""
    seen: set[int] = set()
    errors: list[BaseException | None] = [error]
    while errors:
        found = errors.pop()
        if found is not None and id(found) not in seen:
            seen.add(id(found))
            yield found
            errors += [found.__cause__, found.__context__]


def frames(error: BaseException) -> Iterator[FrameType]:
    """The frames that an exception and those behind it hold, without the test's own."""
    for found in behind(error):
        for frame, _ in traceback.walk_tb(found.__traceback__):
            if not frame.f_code.co_filename.startswith(TESTS):
                yield frame


def attributes(value: Any) -> Iterator[Any]:
    """What a walker finds in a value, one level deep."""
    yield from vars(value).values() if hasattr(value, "__dict__") else ()
    for cls in type(value).__mro__:
        slots = getattr(cls, "__slots__", ())
        yield from (getattr(value, name, None) for name in ((slots,) if isinstance(slots, str) else slots))


def own_part(error: BaseException) -> TracebackType | None:
    """An exception's traceback from the package's first frame on."""
    found = error.__traceback__
    while found is not None and found.tb_frame.f_code.co_filename.startswith(TESTS):
        found = found.tb_next
    return found


def shown(error: BaseException) -> str:
    """All that is printed of an exception, however it is printed. Its traceback comes without source lines."""
    lines = [str(error), repr(error), repr(error.args), pprint.pformat(vars(error))]
    for found in behind(error):
        lines += traceback.TracebackException.from_exception(found).format_exception_only()
    for frame in frames(error):
        for name, value in frame.f_locals.items():
            lines += [name, repr(value), *map(repr, attributes(value))]
    stack = traceback.StackSummary.extract(
        ((frame, line) for frame, line in traceback.walk_tb(own_part(error))), capture_locals=True, lookup_lines=False
    )
    return "\n".join([*lines, *(str(entry.locals) for entry in stack)])


def failed(action: Callable[[], Any]) -> BaseException | None:
    """What an action ends with, if it fails."""
    try:
        action()
    except BaseException as error:
        return error
    return None


def planted(client: Any, plants: Plants) -> tuple[Shell, Service]:
    """A client that holds the secrets, on a service that hands the token out."""
    service = Service()
    service.token_answers = [token(plants.token)]
    provider = StaticCredentialProvider(tenant_id=plants.tenant, client_id=plants.client, client_secret=plants.secret)
    return Shell(make_portal(client, service, Clock(), credentials=provider)), service


def check(client: Any, verb: Verb, answer: Answer, plants: Plants, *, of_token: bool = False) -> None:
    """Call a verb on a service that gives an answer, and search all that comes of it."""
    shell, service = planted(client, plants)
    if of_token:
        service.token_answers = [answer(plants)]
    service.answer(answer(plants))
    with closing(shell), Logs() as logs, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        error = failed(lambda: shell(verb(shell.portal, plants)))
    output = [str(logs), *(str(warning.message) for warning in warned), repr(shell.portal), repr(shell.portal.contacts)]
    output += [repr(value) for value in (*attributes(shell.portal), *attributes(shell.portal.contacts))]
    if error is not None:
        assert isinstance(error, DynamicsPortalClientException), repr(error)
        assert error.__cause__ is None
        assert error.__context__ is None or error.__suppress_context__
        used = plants.secret if of_token else plants.token  # what the request carried, which `message` is without
        assert used not in pickle.dumps(error).decode("latin-1") + error.message
        output.append(shown(error))
    assert plants.found_in("\n".join(output)) == []


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_no_log_no_exception_and_no_variable_shows_what_was_planted(client: Any, verb: Verb) -> None:
    for answer in ANSWERS.values():
        check(client, verb, answer, Plants())


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("answer", TOKEN_ANSWERS.values(), ids=TOKEN_ANSWERS)
def test_no_refusal_of_a_token_shows_what_was_planted(client: Any, answer: Answer) -> None:
    for verb in VERBS.values():
        check(client, verb, answer, Plants(), of_token=True)


TEXTS = st.text(min_size=1, max_size=20) | st.text("æøå'\"%&;<>\\ {}$@\n", min_size=1, max_size=20)


@settings(max_examples=60)
@given(st.sampled_from(list(product(CLIENTS, VERBS.values(), ANSWERS.values()))), TEXTS)
def test_nothing_planted_is_found_whatever_it_is(case: tuple[Any, Verb, Answer], text: str) -> None:
    check(*case, Plants(text.encode("utf-8", "ignore").decode()))


def test_every_verb_is_tried() -> None:
    """A verb that is added has to be tried here, too."""
    tried = "\n".join(inspect.getsource(verb) for verb in VERBS.values())
    left_out = {"close", "from_environment", "no_op", "table", "execute", "rows", "files"}
    for cls in (Table, DynamicsPortalClient):
        verbs = {name for name, value in inspect.getmembers(cls, inspect.isfunction) if not name.startswith("_")}
        assert {name for name in verbs - left_out if f".{name}(" not in tried} == set()
    assert {name for name in vars(Table) if not name.startswith("_")} == {
        name for name in vars(AsyncTable) if not name.startswith("_")
    }


GUARDED = ("_sync.", "_async.", "certificates", "credentials", "federation")
"""Modules of which public classes hold secrets or rows."""


def test_every_public_class_that_holds_something_is_guarded() -> None:
    found = 0
    for name in dynamics_portal.__all__:
        value = getattr(dynamics_portal, name)
        module = getattr(value, "__module__", "").removeprefix("dynamics_portal.")
        if not isinstance(value, type) or not module.startswith(GUARDED) or issubclass(value, Exception):
            continue
        if getattr(value, "_is_protocol", False):
            continue
        functions = {
            key: getattr(item, "__func__", item)
            for key, item in vars(value).items()
            if key == "__init__" or not (key.startswith("_") or isinstance(item, (property, type)))
        }
        plain = [key for key, item in functions.items() if callable(item) and not hasattr(item, "__wrapped__")]
        assert plain == [], f"{name} is to be a reticent_class"
        found += bool(functions)
    assert found > 15


def test_without_the_guard_the_variables_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search above finds what it is after."""
    monkeypatch.setattr("dynamics_portal._frames.empty_frames", lambda error: None)
    with pytest.raises(AssertionError, match="nobody-may-see"):
        check(DynamicsPortalClient, VERBS["create"], ANSWERS["400"], Plants())


class Failing:
    """A provider whose own error holds a secret."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get_credentials(self) -> ClientCredentials:
        secret = self._text
        try:
            raise KeyError(secret)
        except KeyError as error:
            raise RuntimeError(secret) from error

    def __repr__(self) -> str:
        return "Failing()"


@pytest.mark.parametrize("client", CLIENTS)
def test_no_failure_of_a_provider_shows_what_was_planted(client: Any) -> None:
    plants = Plants()
    shell = Shell(make_portal(client, Service(), Clock(), credentials=Failing(plants.echo)))
    with Logs() as logs:
        error = failed(lambda: shell(shell.portal.who_am_i()))
    shell.close()
    assert isinstance(error, DynamicsPortalClientException)
    assert plants.found_in(shown(error) + error.message + str(logs)) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda it: StaticCredentialProvider(tenant_id="", client_id=it.client, client_secret=it.secret),
        lambda it: StaticCredentialProvider(
            tenant_id=it.tenant, client_id=it.client, client_secret=it.secret + "\ud800"
        ),
        lambda it: StaticCredentialProvider(tenant_id=it.tenant, client_id="c", client_secret=it.secret.encode()),
        lambda it: ClientCredentials("", "c", it.secret),
        lambda it: EnvironmentCredentialProvider({"DYNAMICS_CLIENT_SECRET": it.secret}).get_credentials(),
        lambda it: DynamicsPortalClient.from_environment(environ={"DYNAMICS_CLIENT_SECRET": it.secret}),
        lambda it: AsyncDynamicsPortalClient.from_environment(environ={"DYNAMICS_CLIENT_SECRET": it.secret}),
        lambda it: DynamicsPortalClient(f"https://{it.client}:{it.secret}@example.org", Failing("")),
        lambda it: DynamicsPortalClient(BASE_URL, Failing(""), correlation_id=cast("Any", [it.secret])),
        lambda it: DynamicsPortalClient(BASE_URL, it.secret),
        lambda it: DynamicsPortalClient(BASE_URL, Failing(""), **{it.mail: it.secret}),
    ],
)
def test_no_mistake_in_making_something_shows_what_was_planted(make: Callable[[Plants], Any]) -> None:
    plants = Plants()
    error = failed(lambda: make(plants))
    assert isinstance(error, (CredentialError, DynamicsPortalClientException, TypeError))
    assert plants.found_in(shown(error)) == []


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "kind", [KeyboardInterrupt, asyncio.CancelledError, SystemExit, ZeroDivisionError, MemoryError]
)
def test_no_other_exception_leaves_variables_behind(client: Any, kind: type[BaseException]) -> None:
    plants = Plants()
    shell, service = planted(client, plants)

    def interrupt(request: httpx2.Request) -> httpx2.Response:
        raise kind

    service.answer(interrupt)
    for verb in (VERBS["create"], VERBS["list"], VERBS["action"]):
        error = failed(lambda verb=verb: shell(verb(shell.portal, plants)))  # type: ignore[misc] # bound at once
        assert isinstance(error, kind)
        assert list(frames(error))
        assert plants.found_in(shown(error)) == []
    shell.close()


def test_the_callers_own_frames_keep_their_variables() -> None:
    plants = Plants()
    shell, service = planted(DynamicsPortalClient, plants)
    service.answer(problem(400))

    def handle() -> None:
        mine = "of the caller"
        assert mine
        raise LookupError

    before, error = None, None
    try:
        handle()
    except LookupError as caught:
        before, error = caught, failed(shell.portal.who_am_i)
    shell.close()
    assert error is not None
    assert before is not None
    assert before is error.__context__  # Python's own chain, which says when it happened
    (kept,) = [frame for frame, _ in traceback.walk_tb(before.__traceback__) if frame.f_code.co_name == "handle"]
    assert kept.f_locals == {"mine": "of the caller"}


def test_a_traceback_keeps_its_files_and_lines() -> None:
    shell, service = planted(DynamicsPortalClient, Plants())
    service.answer(problem(400))
    error = failed(shell.portal.who_am_i)
    assert error is not None
    named = [Path(frame.f_code.co_filename).stem for frame in frames(error)]
    assert named[-1] == "caller"
    assert "client" in named
    shell.close()


@pytest.mark.parametrize("client", CLIENTS)
def test_no_printer_of_locals_finds_what_was_planted(client: Any) -> None:
    plants = Plants()
    shell, service = planted(client, plants)
    service.answer(problem(400, "0x0", plants.echo))
    error = failed(lambda: shell(VERBS["create"](shell.portal, plants)))
    assert error is not None
    console = Console(record=True, width=300, file=io.StringIO())
    console.print(Traceback.from_exception(type(error), error, own_part(error), show_locals=True))
    output = console.export_text()
    assert "caller.py" in output  # the frames of the way are there
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    LOGGER.addHandler(handler)
    LOGGER.error("failed", exc_info=(type(error), error, own_part(error)))
    LOGGER.removeHandler(handler)
    assert "caller.py" in logged.getvalue()
    assert plants.found_in(output + logged.getvalue()) == []
    shell.close()


def test_what_the_interpreter_dumps_holds_nothing(tmp_path: Path) -> None:
    plants = Plants()
    shell, service = planted(DynamicsPortalClient, plants)
    dump = tmp_path / "dump"

    def stop(request: httpx2.Request) -> httpx2.Response:
        with dump.open("w") as file:
            faulthandler.dump_traceback(file)
        return problem(400)

    service.answer(stop)
    failed(lambda: VERBS["create"](shell.portal, plants))
    shell.close()
    assert "caller.py" in dump.read_text()
    assert plants.found_in(dump.read_text()) == []


def test_rows_and_operations_show_no_values() -> None:
    it = Plants()
    row = Contact(lastname=it.name, emailaddress1=it.mail)
    assert it.found_in(repr(row) + str(row) + f"{row}") == []
    assert "lastname" in repr(row)
    portal = DynamicsPortalClient.no_op()
    portal.contacts.create(row)
    assert it.found_in(repr(portal.recorded)) == []


def test_the_hook_for_uncaught_exceptions_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    plants = Plants()
    shell, service = planted(DynamicsPortalClient, plants)
    service.answer(problem(409, "0x80040237", plants.echo))
    error = failed(lambda: VERBS["create"](shell.portal, plants))
    assert error is not None
    sys.__excepthook__(type(error), error, own_part(error))
    shell.close()
    printed = capsys.readouterr().err
    assert "DuplicateError: conflict: record ***" in printed
    assert plants.found_in(printed) == []
