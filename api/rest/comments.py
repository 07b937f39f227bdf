"""REST routes of comments."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call, Created, nested
from api.rest.operation_route import OperationRoute
from services.comments import moderating, reading, writing

router = APIRouter(route_class=OperationRoute)


@router.get("/posts/{id}/comments", name="comments.list", operation_id="postComments")
async def list_comments(call: Call) -> Answer:
    return await nested(call, reading.list_, call.path["id"])


@router.get("/comments/{id}/replies", name="comments.replies", operation_id="commentReplies")
async def list_replies(call: Call) -> Answer:
    return await nested(call, reading.replies, call.path["id"])


@router.get("/comments/{id}", name="comments.get", operation_id="comment")
async def get_comment(call: Call) -> Answer:
    return await reading.get(call.request, call.input)


@router.post(
    "/posts/{id}/comments",
    name="comments.create",
    operation_id="createComment",
    status_code=201,
)
async def create_comment(call: Call) -> Answer:
    comment = await writing.create(call.request, call.input, key=call.key)
    return Created(comment, f"/comments/{comment.id}")


@router.patch("/comments/{id}", name="comments.update", operation_id="updateComment")
async def update_comment(call: Call) -> Answer:
    return await writing.update(call.request, call.input, key=call.key, if_match=call.if_match)


@router.delete(
    "/comments/{id}", name="comments.delete", operation_id="deleteComment", status_code=204
)
async def delete_comment(call: Call) -> Answer:
    await writing.delete(call.request, call.input, key=call.key, if_match=call.if_match)
    return None


@router.post("/comments/{id}/remove", name="comments.remove", operation_id="removeComment")
async def remove_comment(call: Call) -> Answer:
    return await moderating.remove(call.request, call.input, key=call.key, if_match=call.if_match)


@router.post("/comments/{id}/restore", name="comments.restore", operation_id="restoreComment")
async def restore_comment(call: Call) -> Answer:
    return await moderating.restore(call.request, call.input, key=call.key, if_match=call.if_match)
