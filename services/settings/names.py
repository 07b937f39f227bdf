"""The names of settings in the environment, and the refusal of a name that is none."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

PREFIX = "TANDEM_"
#: Settings whose names are common to many programs, and have no prefix.
UNPREFIXED = {"database_url", "redis_url"}
#: Names that are no settings: those of the scripts, of compose.yaml and of the tests. Kubernetes
#: sets others for each service whose name begins with "tandem".
_OTHERS = re.compile(
    r"TANDEM_(VENV|TEST_\w+"
    r"|(\w+_)?SERVICE_(HOST|PORT(_\w+)?)"
    r"|(\w+_)?PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)


class UnknownSetting(ValueError):
    """A name that begins like a setting's and is none."""


class NamedSettings(BaseSettings):
    """Settings that refuse unknown names; a setting with a typing error would not hold."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources as pydantic orders them; raises `UnknownSetting`."""
        for place, source in (("", env_settings), (" in .env", dotenv_settings)):
            if isinstance(source, EnvSettingsSource):
                _refuse_unknown(source.env_vars, settings_cls.model_fields, place)
        return init_settings, env_settings, dotenv_settings, file_secret_settings


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return field.upper() if field in UNPREFIXED else PREFIX + field.upper()


def _refuse_unknown(given: Iterable[str], fields: Iterable[str], place: str) -> None:
    """Raise `UnknownSetting` for the given names that begin like a setting's and are none."""
    known = {field.upper(): variable(field) for field in fields}
    prefixed = set(known.values())
    wrong = []
    for name in sorted(map(str.upper, given)):
        if name.startswith(PREFIX) and name not in prefixed and not _OTHERS.fullmatch(name):
            nearest = get_close_matches(name.removeprefix(PREFIX), known, n=1)
            advice = "docs/settings.md lists them all"
            if nearest:
                advice = f"did you mean {known[nearest[0]]}?"
            wrong.append(f"{name}{place} is no setting: {advice}")
    if wrong:
        raise UnknownSetting("; ".join(wrong))
