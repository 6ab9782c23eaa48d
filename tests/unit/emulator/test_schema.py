"""What the emulator makes of a document: families, relations, choices."""

from __future__ import annotations

import pytest
from tests.unit.emulator.documents import NAMESPACE, SHOP

from dynamics_portal_emulator import Choices, Clock
from dynamics_portal_emulator.schema import Link, Lookup, Relation, Reverse, Schema
from dynamics_portal_generator.csdl import read_metadata

SCHEMA = Schema(read_metadata(SHOP))


def relation(table: str, name: str) -> Relation | None:
    found = SCHEMA.table(f"{NAMESPACE}.{table}")
    return SCHEMA.relation(found, found.navigation[name])


def test_types_under_one_key_are_a_family() -> None:
    families = {
        name: SCHEMA.table(f"{NAMESPACE}.{name}").family for name in ("task", "email", "activitypointer", "account")
    }

    assert families["task"] == families["email"] == f"{NAMESPACE}.activitypointer"
    assert families["account"] == f"{NAMESPACE}.account"
    assert SCHEMA.set_of(f"{NAMESPACE}.task") == "tasks"
    assert SCHEMA.set_of(f"{NAMESPACE}.expando") is None


def test_a_navigation_is_followed_by_the_column_that_holds_it() -> None:
    columns = (("_parentaccountid_value", "accountid"),)

    assert relation("account", "parentaccountid") == Lookup(f"{NAMESPACE}.account", columns)
    assert relation("account", "children") == Reverse(f"{NAMESPACE}.account", columns, "parentaccountid")


def test_both_directions_of_a_many_to_many_relation_share_their_links() -> None:
    there, back = relation("account", "products"), relation("product", "accounts")

    assert isinstance(there, Link)
    assert isinstance(back, Link)
    assert there.name == back.name
    assert there.forward is not back.forward


def test_a_lookup_to_several_tables_is_one_column() -> None:
    assert SCHEMA.table(f"{NAMESPACE}.task").lookups == {
        "_regardingobjectid_value": ("regardingobjectid_account", "regardingobjectid_product")
    }


def test_choices_have_labels() -> None:
    choices = Choices.parse(
        {
            "account": {
                "size": {"options": [{"value": 1, "label": "Small"}]},
                "colours": {"multi": True, "options": [{"value": 2, "label": "Red"}]},
            }
        }
    )
    size, colours = choices.of("account", "size"), choices.of("account", "colours")

    assert size is not None
    assert colours is not None
    assert (size.label(1), size.label(9), size.label("x")) == ("Small", None, None)
    assert colours.label("2,7") == "Red; 7"
    assert choices.of("account", "name") is None


@pytest.mark.parametrize(
    "content", [[], {"account": []}, {"account": {"size": {}}}, {"account": {"size": {"options": [{"value": "x"}]}}}]
)
def test_choices_of_another_shape_are_refused_in_one_line(content: object) -> None:
    with pytest.raises(ValueError, match=r"^choices: .*$"):
        Choices.parse(content)


def test_the_clock_moves_when_it_is_told_to() -> None:
    clock = Clock(lambda: 0.0)
    clock.advance(1.5)

    assert clock.time() == 1.5
    assert clock.now().isoformat() == "1970-01-01T00:00:01.500000+00:00"
