"""The choices document: what it holds, and what is wrong with one that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.generator.documents import SHOP, read

from dynamics_portal_generator.choices import ChoiceColumn, ChoicesError, Option, load_choices

OPTIONS = [{"value": 1, "label": "Good", "labels": {"1044": "God"}}, {"value": 2, "label": "Bad"}]


def load(tmp_path: Path, content: Any) -> dict[tuple[str, str], ChoiceColumn]:
    path = tmp_path / "choices.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return load_choices(path, read(SHOP))


def test_a_choice_has_its_values_labels_and_languages(tmp_path: Path) -> None:
    content = {"customer": {"mood": {"name": "Mood", "options": OPTIONS, "description": "How", "assumed": "why"}}}
    assert load(tmp_path, content) == {
        ("customer", "mood"): ChoiceColumn(
            "customer", "mood", "Mood", (Option(1, "Good", {"1044": "God"}), Option(2, "Bad")), False, "How", "why"
        )
    }


def test_a_choice_without_a_name_is_named_after_its_column(tmp_path: Path) -> None:
    assert load(tmp_path, {"customer": {"mood": {"options": OPTIONS}}})["customer", "mood"].name == "CustomerMood"


def test_a_multi_select_choice_is_text_on_the_wire(tmp_path: Path) -> None:
    assert load(tmp_path, {"customer": {"name": {"options": OPTIONS, "multi": True}}})["customer", "name"].multi


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON"),
        ([], "the document: must be an object"),
        ({"custmer": {}}, "custmer: no such table (nearest: 'customer')"),
        ({"customer": []}, "customer: must be an object"),
        ({"customer": {"moood": {}}}, "customer.moood: no such column (nearest: 'mood')"),
        ({"customer": {"mood": {"options": [], "x": 1}}}, "customer.mood: unknown member 'x'"),
        ({"customer": {"mood": {}}}, "customer.mood: has no options"),
        (
            {"customer": {"mood": {"options": [{"value": "1", "label": "x"}]}}},
            "customer.mood.options[0]: needs a whole",
        ),
        ({"customer": {"mood": {"options": [{"value": True, "label": "x"}]}}}, "needs a whole number 'value'"),
        ({"customer": {"mood": {"options": [{"value": 1}]}}}, "and a text 'label'"),
        ({"customer": {"mood": {"options": [1]}}}, "customer.mood.options[0]: must be an object"),
        ({"customer": {"mood": {"options": 5}}}, "customer.mood.options: must be a list"),
        ({"customer": {"mood": {"options": [{"value": 1, "label": "x", "labels": 5}]}}}, "labels: must be an object"),
        ({"customer": {"mood": {"options": [*OPTIONS, OPTIONS[0]]}}}, "customer.mood: holds a value twice"),
        ({"customer": {"name": {"options": OPTIONS}}}, "customer.name: is Edm.String, but this choice needs Edm.Int32"),
        ({"customer": {"mood": {"options": OPTIONS, "multi": True}}}, "this choice needs Edm.String"),
        (
            {
                "customer": {
                    "mood": {"name": "Same", "options": OPTIONS},
                    "name": {"name": "Same", "multi": True, "options": OPTIONS[:1]},
                }
            },
            "customer.name: shares the name Same with customer.mood, but not its options",
        ),
    ],
)
def test_what_is_wrong_is_told_in_one_line_with_its_place(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(ChoicesError) as caught:
        load(tmp_path, content)
    assert message in str(caught.value)
    assert str(tmp_path / "choices.json") in str(caught.value)
    assert "\n" not in str(caught.value)
