"""Pictures in several sizes, as products and people show them."""

from enum import StrEnum
from typing import Annotated, Any

import sqlalchemy as sa
from msgspec import Meta, Struct

from persistence.database.columns import Json


class ImageSize(StrEnum):
    """A size in which a picture is shown."""

    SMALL = "SMALL"
    MEDIUM = "MEDIUM"
    LARGE = "LARGE"


class ImageVariant(Struct, frozen=True, rename="camel"):
    """A picture in one size."""

    size: Annotated[ImageSize, Meta(description="Which of the sizes it is.")]
    url: Annotated[str, Meta(description="Address of the file. It never changes its content.")]
    width: Annotated[int, Meta(description="Width in pixels.")]
    height: Annotated[int, Meta(description="Height in pixels.")]


#: SQL default of a column of variants.
NO_VARIANTS = "'[]'"
#: The type of a column that holds a list of `ImageVariant`.
Variants = Json


def shown_variants(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A column of variants as a view selects it: JSON that the row decodes into structs."""
    return sa.cast(column, sa.JSON)
