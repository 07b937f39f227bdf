"""REST routes of uploads."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call, Created
from api.rest.operation_route import OperationRoute
from services.operation.error_translation import translate_errors
from services.uploads import declaring, reading

router = APIRouter(prefix="/uploads", route_class=OperationRoute)


@router.post("", name="uploads.create", operation_id="createUpload", status_code=201)
async def create_upload(call: Call) -> Answer:
    file = call.sent.file
    try:
        upload = await declaring.create(call.request, call.input, key=call.key)
        if file is not None:
            process = call.request.process
            upload = await translate_errors(reading.received, process, upload, file.path)
    finally:
        if file is not None:
            file.discard()
    return Created(upload, f"/uploads/{upload.id}")


@router.get("/{id}", name="uploads.get", operation_id="upload")
async def get_upload(call: Call) -> Answer:
    return await reading.get(call.request, call.input)
