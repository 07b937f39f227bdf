"""REST routes of projects."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call, Created
from api.rest.operation_route import OperationRoute
from services import projects

router = APIRouter(prefix="/projects", route_class=OperationRoute)


@router.get("", name="projects.list", operation_id="projects")
async def list_projects(call: Call) -> Answer:
    return await projects.list_(call.request, call.input, wanted=call.wanted)


@router.get("/{id}", name="projects.get", operation_id="project")
async def get_project(call: Call) -> Answer:
    return await projects.get(call.request, call.input)


@router.post("", name="projects.create", operation_id="createProject", status_code=201)
async def create_project(call: Call) -> Answer:
    project = await projects.create(call.request, call.input, key=call.key)
    return Created(project, f"/projects/{project.id}")


@router.patch("/{id}", name="projects.update", operation_id="updateProject")
async def update_project(call: Call) -> Answer:
    return await projects.update(call.request, call.input, key=call.key, if_match=call.if_match)


@router.delete("/{id}", name="projects.delete", operation_id="deleteProject", status_code=204)
async def delete_project(call: Call) -> Answer:
    await projects.delete(call.request, call.input, key=call.key, if_match=call.if_match)
    return None
