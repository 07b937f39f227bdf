"""Products: what the shop sells."""

import strawberry

from schema.building.connections import Connection
from schema.building.fields import read, relation, write
from schema.building.types import mirror
from schema.categories import Category
from schema.done import Done
from schema.exports import Export
from schema.node import Node
from schema.uploads import ImageVariant as ImageVariant
from services import categories
from services.products import exporting, images, managing, reading


@mirror(reading.Product)
class Product(Node):
    category = relation(categories.by_ids, "category_id", Category, "Its category.")


@strawberry.type
class Query:
    list_products = read(reading.list_, "products", Connection[Product])
    product = read(reading.get, "product", Product)
    export_products = read(exporting.export, "exportProducts", Export)


@strawberry.type
class Mutation:
    create_product = write(managing.create, "createProduct", Product)
    update_product = write(managing.update, "updateProduct", Product)
    archive_product = write(managing.archive, "archiveProduct", Done)
    adjust_stock = write(managing.adjust_stock, "adjustStock", Product)
    set_product_image = write(images.set_image, "setProductImage", Product)
    remove_product_image = write(images.remove_image, "removeProductImage", Done)
