"""Patches: what is absent is left, null clears, and metadata merges."""

from typing import Any

import pytest
from pydantic import Field

from services.errors.common import ValidationFailed
from services.operation.inputs import Metadata, PathId, checked
from services.operation.patches import ABSENT, Patch, changes, merged


class Rename(Patch):
    """A thing's new name and facts."""

    id: PathId = Field(description="Which.")
    name: str = Field(ABSENT, description="The name.")
    note: str | None = Field(None, description="A note.")
    metadata: Metadata = Field(ABSENT, description="Facts.")


NOW: dict[str, Any] = {"name": "Lamp", "note": "Old", "metadata": {"watts": 7}}


def patched(**raw: object) -> dict[str, Any]:
    return changes(checked(Rename, {"id": "x", **raw}, "EUR"), NOW)


def test_only_what_is_given_and_different_changes() -> None:
    assert patched(name="Lamp", note="New") == {"note": "New"}
    assert patched(note=None) == {"note": None}
    assert patched(name="Desk lamp") == {"name": "Desk lamp"}


def test_the_id_alone_is_an_empty_patch() -> None:
    with pytest.raises(ValidationFailed) as refused:
        patched()
    assert [(item.field, item.code) for item in refused.value.fields] == [("", "REQUIRED")]


@pytest.mark.parametrize(
    ("old", "new", "result"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"b": 1, "c": 3}}),
        ({"a": [1, 2], "b": 1}, {"a": [3]}, {"a": [3], "b": 1}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {}}),
        ({"a": 1}, {"a": {"b": None, "c": 2}}, {"a": {"c": 2}}),
        ({"a": {"b": 1}}, {"a": [{"b": None}]}, {"a": [{"b": None}]}),
        ({"a": 1}, {}, {"a": 1}),
    ],
)
def test_metadata_merges_and_arrays_replace(old: object, new: object, result: object) -> None:
    assert merged(old, new) == result
    before = repr(old)
    merged(old, new)
    assert repr(old) == before


def test_metadata_merges_into_what_is_there() -> None:
    assert patched(metadata={"color": "red"}) == {"metadata": {"watts": 7, "color": "red"}}
    assert patched(metadata={"watts": 7}) == {}


def test_true_is_another_value_than_one() -> None:
    patch = checked(Rename, {"id": "x", "metadata": {"watts": True}}, "EUR")
    assert changes(patch, {**NOW, "metadata": {"watts": 1}}) == {"metadata": {"watts": True}}


def test_null_clears_to_what_is_empty_where_that_is_not_null() -> None:
    patch = checked(Rename, {"id": "x", "note": None}, "EUR")
    assert changes(patch, NOW, empty={"note": "", "name": ""}) == {"note": ""}
    assert changes(patch, {**NOW, "note": ""}, empty={"note": ""}) == {}


def test_metadata_that_grows_too_large_by_merging_is_refused() -> None:
    with pytest.raises(ValidationFailed) as refused:
        patched(metadata={f"fact{number}": number for number in range(50)})
    assert [(item.field, item.code) for item in refused.value.fields] == [("metadata", "TOO_MANY")]
