"""Settings of posts and comments; `Settings` contains them."""

from enum import StrEnum

from pydantic import Field

from services.settings.names import NamedSettings
from services.settings.types import Units, Window


class DeletedContent(StrEnum):
    """The fate of the published posts and the comments of a deleted account."""

    KEEP = "keep"
    REMOVE = "remove"


class ContentSettings(NamedSettings):
    """How views are counted, what spam is allowed, and what deleted accounts leave."""

    views_seconds: float = Field(
        default=1, gt=0, description="How often a process writes the views of posts."
    )
    scores_seconds: float = Field(
        default=30, gt=0, description="How often popular posts are counted."
    )
    deleted_content: DeletedContent = Field(
        default=DeletedContent.KEEP,
        description="Published posts and comments of a deleted account: keep them without its name,"
        " or remove them. Drafts go in any case.",
    )
    quota_content: Units = Field(
        default=30, description="Posts and comments that a user may write."
    )
    quota_content_seconds: Window = Field(
        default=900, description="Seconds in which that budget refills."
    )
