"""Categories of products."""

import strawberry

from schema.building.connections import Connection
from schema.building.fields import read, write
from schema.building.types import mirror
from schema.done import Done
from schema.node import Node
from services import categories


@mirror(categories.Category)
class Category(Node):
    pass


@strawberry.type
class Query:
    list_categories = read(categories.list_, "categories", Connection[Category])
    category = read(categories.get, "category", Category)


@strawberry.type
class Mutation:
    create_category = write(categories.create, "createCategory", Category)
    update_category = write(categories.update, "updateCategory", Category)
    delete_category = write(categories.delete, "deleteCategory", Done)
