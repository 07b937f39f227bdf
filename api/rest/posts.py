"""REST routes of posts."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call, Created, nested
from api.rest.operation_route import OperationRoute
from services.operation.paging import ME
from services.posts import liking, moderating, reading, writing

router = APIRouter(route_class=OperationRoute)


@router.get("/posts", name="posts.list", operation_id="posts")
async def list_posts(call: Call) -> Answer:
    return await reading.list_(call.request, call.input, wanted=call.wanted)


@router.get("/me/posts", name="posts.listMine", operation_id="myPosts")
async def list_my_posts(call: Call) -> Answer:
    return await nested(call, reading.list_mine, ME)


@router.get("/posts/popular", name="posts.popular", operation_id="popularPosts")
async def list_popular_posts(call: Call) -> Answer:
    return await reading.popular(call.request, call.input, wanted=call.wanted)


@router.get("/posts/{id}", name="posts.get", operation_id="post")
async def get_post(call: Call) -> Answer:
    return await reading.get.encoded(call.request, call.input)


@router.post("/posts", name="posts.create", operation_id="createPost", status_code=201)
async def create_post(call: Call) -> Answer:
    post = await writing.create(call.request, call.input, key=call.key)
    return Created(post, f"/posts/{post.id}")


@router.patch("/posts/{id}", name="posts.update", operation_id="updatePost")
async def update_post(call: Call) -> Answer:
    return await writing.update(call.request, call.input, key=call.key, if_match=call.if_match)


@router.delete("/posts/{id}", name="posts.delete", operation_id="deletePost", status_code=204)
async def delete_post(call: Call) -> Answer:
    await writing.delete(call.request, call.input, key=call.key, if_match=call.if_match)
    return None


@router.post("/posts/{id}/unpublish", name="posts.unpublish", operation_id="unpublishPost")
async def unpublish_post(call: Call) -> Answer:
    return await moderating.unpublish(
        call.request, call.input, key=call.key, if_match=call.if_match
    )


@router.post("/posts/{id}/restore", name="posts.restore", operation_id="restorePost")
async def restore_post(call: Call) -> Answer:
    return await moderating.restore(call.request, call.input, key=call.key, if_match=call.if_match)


@router.put("/posts/{id}/like", name="posts.like", operation_id="likePost")
async def like_post(call: Call) -> Answer:
    return await liking.like(call.request, call.input, key=call.key)


@router.delete("/posts/{id}/like", name="posts.unlike", operation_id="unlikePost", status_code=204)
async def unlike_post(call: Call) -> Answer:
    await liking.unlike(call.request, call.input, key=call.key)
    return None
