"""Names of settings: an unknown one is refused, in the environment and in .env."""

from pathlib import Path

import pytest

from services.settings.names import UnknownSetting
from services.settings.settings import Settings
from tests.cli.test_create_admin import tandem


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("TANDEM_ENVIRONMEN", "did you mean TANDEM_ENVIRONMENT?"),
        ("tandem_secrt", "did you mean TANDEM_SECRET?"),
        ("TANDEM_DATABASE_URL", "did you mean DATABASE_URL?"),
        ("TANDEM_XYZZY", "docs/settings.md lists them all"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(
    name: str, advice: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text(f"{name}=production\n")
    with pytest.raises(UnknownSetting) as refused:
        Settings()
    assert str(refused.value) == f"{name.upper()} in .env is no setting: {advice}"
    Path(".env").unlink()
    monkeypatch.setenv(name, "production")
    with pytest.raises(UnknownSetting) as refused:
        Settings()
    assert str(refused.value) == f"{name.upper()} is no setting: {advice}"


def test_names_of_scripts_and_of_kubernetes_are_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("TANDEM_PORT=9000\nTANDEM_SECRT=\nPOSTGRES_PASSWORD=x\n")
    for name in (
        *("TANDEM_VENV", "TANDEM_TEST_SEED", "TANDEM_TEST_PROCESSES", "tandem_page_size"),
        *("TANDEM_SERVICE_HOST", "TANDEM_SERVICE_PORT_HTTP", "TANDEM_PORT_8000_TCP_ADDR"),
        *("TANDEM_API_SERVICE_HOST", "TANDEM_API_PORT", "TANDEM_API_PORT_8000_TCP"),
    ):
        monkeypatch.setenv(name, "7")
    assert Settings().page_size == 7


async def test_a_command_says_it_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANDEM_ENVIRONMEN", "production")
    status, said = await tandem(None, "migrate")
    assert status == 1
    assert said == (
        "tandem: The settings are not valid: TANDEM_ENVIRONMEN is no setting:"
        " did you mean TANDEM_ENVIRONMENT?"
    )
