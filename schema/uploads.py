"""Uploads, and the sizes of pictures made of them."""

import strawberry

from schema.building.fields import read, write
from schema.building.types import enum, mirror
from schema.node import Node
from services.uploads import declaring, reading

enum(
    reading.UploadPurpose,
    PRODUCT_IMAGE="The picture of a product.",
    AVATAR="The caller's avatar.",
)
enum(
    reading.UploadStatus,
    PENDING="The store waits for the file.",
    RECEIVED="The store has the file.",
    USED="The file was used, and is gone.",
)
enum(
    reading.ImageSize,
    SMALL="At most 160 pixels a side.",
    MEDIUM="At most 640 pixels a side.",
    LARGE="At most 1,600 pixels a side.",
)


@mirror(reading.ImageVariant)
class ImageVariant:
    pass


@mirror(reading.UploadQuota)
class UploadQuota:
    pass


@mirror(reading.Upload)
class Upload(Node):
    pass


@strawberry.type
class Query:
    upload = read(reading.get, "upload", Upload)


@strawberry.type
class Mutation:
    create_upload = write(declaring.create, "createUpload", Upload)
