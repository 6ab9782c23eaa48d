"""Overlays: what an action changes, in which order, and how a mistake in one is told."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamics_portal_generator.overlay import OverlayError, apply_overlay, load_overlay

HEAD = "overlay: 1.0.0\ninfo: {title: A test, version: 1.0.0}\nactions:\n"


def document() -> dict[str, Any]:
    return {
        "info": {"title": "Before"},
        "tags": ["a", "b"],
        "paths": {
            "/contacts": {
                "get": {"tags": ["read"], "parameters": [{"name": "top"}, {"name": "skip"}, {"name": "old"}]}
            },
            "/accounts": {"get": {"tags": ["read"]}, "post": {"tags": ["write"]}},
        },
        "components": {"schemas": {"Microsoft.Dynamics.CRM.contact": {"title": "contact", "type": "object"}}},
    }


def applied(tmp_path: Path, actions: str, to: dict[str, Any] | None = None) -> dict[str, Any]:
    file = tmp_path / "overlay.yaml"
    file.write_text(HEAD + actions, "utf-8")
    return apply_overlay(document() if to is None else to, load_overlay(file))


def refused(tmp_path: Path, text: str) -> str:
    file = tmp_path / "overlay.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(OverlayError) as raised:
        apply_overlay(document(), load_overlay(file))
    message = str(raised.value)
    assert "\n" not in message
    assert message.startswith(str(file))
    return message.removeprefix(str(file))


def test_an_update_merges_into_the_object_that_it_targets(tmp_path: Path) -> None:
    result = applied(
        tmp_path,
        "- target: $.components.schemas['Microsoft.Dynamics.CRM.contact']\n  update: {title: Mentor, x-a: 1}\n",
    )
    assert result["components"]["schemas"]["Microsoft.Dynamics.CRM.contact"] == {
        "title": "Mentor",
        "type": "object",
        "x-a": 1,
    }


def test_objects_within_an_update_are_merged_to_any_depth(tmp_path: Path) -> None:
    result = applied(
        tmp_path, "- target: $\n  update: {paths: {/contacts: {get: {summary: All}}}, info: {x-b: true}}\n"
    )
    assert result["paths"]["/contacts"]["get"]["summary"] == "All"
    assert result["paths"]["/contacts"]["get"]["tags"] == ["read"]
    assert result["info"] == {"title": "Before", "x-b": True}


def test_an_update_of_a_list_appends_one_entry(tmp_path: Path) -> None:
    assert applied(tmp_path, "- target: $.tags\n  update: c\n")["tags"] == ["a", "b", "c"]
    assert applied(tmp_path, "- target: $.tags\n  update: [c]\n")["tags"] == ["a", "b", ["c"]]


def test_lists_that_meet_in_a_merge_are_joined(tmp_path: Path) -> None:
    assert applied(tmp_path, "- target: $\n  update: {tags: [c]}\n")["tags"] == ["a", "b", "c"]


def test_a_wildcard_changes_every_match(tmp_path: Path) -> None:
    result = applied(tmp_path, "- target: $.paths.*.get\n  update: {x-safe: true}\n")
    assert [item["get"]["x-safe"] for item in result["paths"].values()] == [True, True]
    assert "x-safe" not in result["paths"]["/accounts"]["post"]


def test_a_filter_removes_items_and_leaves_the_others_in_place(tmp_path: Path) -> None:
    result = applied(
        tmp_path, "- target: $.paths.*.get.parameters[?@.name == 'top' || @.name == 'old']\n  remove: true\n"
    )
    assert result["paths"]["/contacts"]["get"]["parameters"] == [{"name": "skip"}]


def test_a_member_is_removed_even_where_its_update_is_given_too(tmp_path: Path) -> None:
    result = applied(tmp_path, "- target: $.paths['/accounts'].post\n  update: {x-a: 1}\n  remove: true\n")
    assert list(result["paths"]["/accounts"]) == ["get"]


def test_what_stands_inside_something_removed_goes_with_it(tmp_path: Path) -> None:
    result = applied(tmp_path, "- target: $.paths..[?@.tags || @.get]\n  remove: true\n")
    assert result["paths"] == {}


def test_a_member_can_be_removed_and_made_anew_in_one_overlay(tmp_path: Path) -> None:
    actions = "- target: $.info\n  remove: true\n- target: $\n  update: {info: {title: After}}\n"
    assert applied(tmp_path, actions)["info"] == {"title": "After"}


def test_a_later_action_sees_what_an_earlier_one_added(tmp_path: Path) -> None:
    actions = "- target: $.info\n  update: {contact: {name: A}}\n- target: $.info.contact\n  update: {name: B}\n"
    assert applied(tmp_path, actions)["info"]["contact"] == {"name": "B"}


def test_the_document_given_stays_as_it_was(tmp_path: Path) -> None:
    before = document()
    applied(tmp_path, "- target: $..get\n  update: {x-a: 1}\n- target: $.tags\n  remove: true\n", before)
    assert before == document()


def test_parts_that_are_shared_in_memory_change_only_where_they_are_targeted(tmp_path: Path) -> None:
    shared = {"type": "string"}
    result = applied(tmp_path, "- target: $.a\n  update: {format: date}\n", {"a": shared, "b": shared})
    assert result == {"a": {"type": "string", "format": "date"}, "b": {"type": "string"}}


def test_matches_of_one_update_do_not_share_what_it_adds(tmp_path: Path) -> None:
    actions = (
        "- target: $.paths.*.get\n  update: {x-list: [1]}\n- target: $.paths['/contacts'].get['x-list']\n  update: 2\n"
    )
    result = applied(tmp_path, actions)
    assert [item["get"]["x-list"] for item in result["paths"].values()] == [[1, 2], [1]]


def test_dates_and_versions_stay_the_text_that_they_are(tmp_path: Path) -> None:
    assert applied(tmp_path, "- target: $.info\n  update: {x-day: 2026-01-31}\n")["info"]["x-day"] == "2026-01-31"


def test_an_overlay_in_json_is_read_as_well(tmp_path: Path) -> None:
    file = tmp_path / "overlay.json"
    file.write_text(
        '{"overlay": "1.0.0", "info": {"title": "T", "version": "1"}, "extends": "./openapi.yaml",'
        ' "actions": [{"target": "$.info", "update": {"x-a": null}}]}'
    )
    overlay = load_overlay(file)
    assert (overlay.title, overlay.version, overlay.extends) == ("T", "1", "./openapi.yaml")
    assert apply_overlay(document(), overlay)["info"] == {"title": "Before", "x-a": None}


def test_a_character_that_json_escapes_in_two_halves_is_one_character(tmp_path: Path) -> None:
    actions = '- {"target": "$.info", "update": {"title": "\\ud83d\\udc42 \\u00f8"}}\n'
    assert applied(tmp_path, actions)["info"]["title"] == "\U0001f442 ø"


def test_a_target_that_matches_nothing_is_told_with_its_line_and_the_nearest_name(tmp_path: Path) -> None:
    text = HEAD + "- target: $.components.schemas['Microsoft.Dynamics.CRM.contacts']\n  update: {title: X}\n"
    assert refused(tmp_path, text) == (
        ":4: target $.components.schemas['Microsoft.Dynamics.CRM.contacts'] matches nothing"
        " (nearest: 'Microsoft.Dynamics.CRM.contact')"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": is empty; an overlay needs the keys overlay, info and actions"),
        ("[]", ":1: the overlay must be a mapping"),
        ("overlay: [", ":1: is not YAML: "),
        ("overlay: 1.0.0\ninfo: {title: T, version: 1}\n", ":1: the overlay lacks the key 'actions'"),
        (HEAD.replace("1.0.0\ninfo", "1.1.0\ninfo") + "- {target: $, remove: true}", ":1: is of version 1.1.0; only"),
        (HEAD.replace("title: A test, ", "") + "- {target: $, remove: true}", ":2: info lacks the key 'title'"),
        (HEAD.replace("actions:", "actions: []"), ":3: actions must be a list of at least one action"),
        (HEAD + "- target: $.info\n  updte: {}\n", ":5: unknown key 'updte' in an action (nearest: 'update')"),
        (HEAD + "- target: $.info\n", ":4: an action needs an update, or remove: true"),
        (HEAD + "- target: $.info\n  remove: 1\n", ":5: remove must be true or false"),
        (HEAD + "- target: $.info\n  target: $.tags\n", ":5: 'target' is given twice in an action"),
        (HEAD + "- update: {}\n", ":4: an action lacks the key 'target'"),
        (HEAD + "- target: $.info[\n  update: {}\n", ":4: target $.info[ is no JSONPath: "),
        (HEAD + "- target: info\n  update: {}\n", ":4: target info is no JSONPath: "),
        (HEAD + "- target: $.info.title\n  update: X\n", ":4: target $.info.title selects a plain value; select"),
        (HEAD + "- target: $.info\n  update: X\n", ":4: target $.info is an object, so its update must be one, too"),
        (HEAD + "- target: $\n  remove: true\n", ":4: the whole document cannot be removed"),
        (HEAD + '- {"target": "$.info", "update": {"title": "\\ud83d"}}', ":4: holds half a character"),
        (HEAD + "- target: $..nothing[0]\n  remove: true\n", ":4: target $..nothing[0] matches nothing"),
        (HEAD + "- target: $.info\n  update: !!python/name:os.system x\n", ":5: could not determine a constructor"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    assert refused(tmp_path, text).startswith(message)


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(OverlayError, match=r"missing\.yaml: cannot be read: No such file or directory$"):
        load_overlay(tmp_path / "missing.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(OverlayError, match=r"binary\.yaml: is not UTF-8 text$"):
        load_overlay(tmp_path / "binary.yaml")


def test_extensions_of_an_overlay_are_passed_over(tmp_path: Path) -> None:
    assert applied(tmp_path, "- target: $.info\n  x-why: because\n  update: {x-a: 1}\n")["info"]["x-a"] == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=10,
)
objects = st.dictionaries(st.sampled_from("abcd"), json_values, max_size=4)


def merged(target: Any, update: Any) -> Any:
    """The specification's merge, written as plainly as can be."""
    if isinstance(target, dict) and isinstance(update, dict):
        return {
            **target,
            **{key: merged(target[key], value) if key in target else value for key, value in update.items()},
        }
    if isinstance(target, list) and isinstance(update, list):
        return target + update
    return update


@given(target=objects, update=objects)
def test_an_update_of_the_root_is_the_merge_of_the_specification(
    tmp_path_factory: pytest.TempPathFactory, target: dict[str, Any], update: dict[str, Any]
) -> None:
    file = tmp_path_factory.getbasetemp() / "property.json"
    file.write_text(
        json.dumps(
            {"overlay": "1.0.0", "info": {"title": "T", "version": "1"}, "actions": [{"target": "$", "update": update}]}
        )
    )
    before = copy.deepcopy(target)
    assert apply_overlay(target, load_overlay(file)) == merged(target, update)
    assert target == before
