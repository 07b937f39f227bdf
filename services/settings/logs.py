"""Settings of the log; `Settings` contains them."""

from typing import Literal

from pydantic import Field

from services.settings.names import NamedSettings

Level = Literal["debug", "info", "warning", "error"]


class LogSettings(NamedSettings):
    """How much is logged."""

    log_level: Level = Field(
        default="info",
        description="The least level that is logged: debug, info, warning or error. At debug each"
        " statement is a line, with its time and rows and without its values.",
    )
    debug: bool = Field(
        default=False,
        description="The same as TANDEM_LOG_LEVEL=debug, with long lines on a terminal; production"
        " refuses it.",
    )

    @property
    def least_level(self) -> Level:
        """The least level that is logged."""
        return "debug" if self.debug else self.log_level
