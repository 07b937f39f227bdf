"""The doctor tries out the store of files, and leaves nothing in it."""

from pathlib import Path

import pytest

from services.settings.settings import Settings
from tests import s3
from tests.commands import tandem


def _unfolded(text: str) -> str:
    """A text without blanks, as the table breaks long lines."""
    return "".join(text.split())


def _below(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*"))


async def _said(settings: Settings, **store: str) -> tuple[int, str]:
    """The exit status of the doctor for a store, and its words without blanks."""
    named = {f"TANDEM_{name.upper()}": value for name, value in store.items()}
    status, said = await tandem(settings, "doctor", **named)
    return status, _unfolded(said)


async def test_the_doctor_tries_out_a_folder_and_leaves_it_as_it_was(
    settings: Settings, tmp_path: Path
) -> None:
    status, said = await _said(settings, files_url=f"file:{tmp_path}")
    assert status == 0, said
    assert _unfolded(f"✓ Files written, read and deleted in folder {tmp_path}") in said
    assert _below(tmp_path) == []
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / "a").write_text("somebody's")
    assert (await _said(settings, files_url=f"file:{tmp_path}"))[0] == 0
    assert _below(tmp_path) == ["uploads", "uploads/a"]


async def test_the_doctor_makes_no_folder_of_files(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet"
    status, said = await _said(settings, files_url=f"file:{folder}")
    assert status == 0, said
    assert _unfolded(f"! Files no folder {folder} yet: the first file makes it") in said
    assert _below(tmp_path) == []


@pytest.mark.parametrize("blocked", ["the folder", "a folder above", "a folder in it"])
async def test_the_doctor_says_what_to_do_about_a_folder_that_cannot_be_written(
    settings: Settings, tmp_path: Path, blocked: str
) -> None:
    # A file in the place of a folder stops root as well.
    folder = tmp_path / "files"
    if blocked == "a folder in it":
        folder.mkdir()
        (folder / "uploads").write_text("no folder")
    else:
        folder.write_text("no folder")
    asked = folder / "below" if blocked == "a folder above" else folder
    status, said = await _said(settings, files_url=f"file:{asked}")
    assert status == 1
    assert said.count("✗") == 1
    assert _unfolded(f"✗ Files folder {asked} cannot be used (") in said
    reason = "file exists" if blocked == "a folder in it" else "not a directory"
    advice = "let the user who runs Tandem write there, or set TANDEM_FILES_URL."
    assert _unfolded(f"({reason}): {advice}") in said


async def test_the_doctor_tries_out_a_bucket(settings: Settings, tmp_path: Path) -> None:
    with s3.serving(tmp_path) as endpoint:
        good = s3.settings_of(endpoint)
        place = f"bucket shop at {endpoint.removeprefix('http://')}"
        status, said = await _said(settings, **good)
        assert status == 0, said
        assert _unfolded(f"✓ Files written, read and deleted in {place}") in said
        status, said = await _said(settings, **good | {"files_secret_key": "wrong"})
        assert status == 1
        assert _unfolded(f"✗ Files {place} cannot be used (Server returned") in said
        assert _unfolded("403 Forbidden): make the bucket, or check TANDEM_FILES_URL,") in said
    status, said = await _said(settings, **good)
    assert status == 1
    assert _unfolded("cannot be used (HTTP error: error sending request): make") in said
    assert "wrong" not in said
    assert s3.SECRET_KEY not in said
