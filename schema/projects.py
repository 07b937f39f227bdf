"""Projects."""

import strawberry

from schema.building.connections import Connection
from schema.building.fields import read, relation, write
from schema.building.types import enum, mirror
from schema.done import Done
from schema.node import Node
from schema.users import PublicUser
from services import projects
from services.users import reading as users

enum(
    projects.ProjectStatus,
    ACTIVE="Being worked on.",
    COMPLETED="Done.",
    ARCHIVED="Put away, done or not.",
)


@mirror(projects.Project)
class Project(Node):
    owner = relation(users.public_by_ids, "owner_id", PublicUser, "The user whose project it is.")


@strawberry.type
class Query:
    list_projects = read(projects.list_, "projects", Connection[Project])
    project = read(projects.get, "project", Project)


@strawberry.type
class Mutation:
    create_project = write(projects.create, "createProject", Project)
    update_project = write(projects.update, "updateProject", Project)
    delete_project = write(projects.delete, "deleteProject", Done)
