"""What Schemathesis cannot know of Tandem: what there is to ask for, and which refusals are right.

Loaded by the process that `test_schemathesis.py` starts. Generated cases are left as they are but
for a share of the ids, keys and credentials in them, which become living ones: without them nearly
every answer would be "not found". What is invalid on purpose is not touched.
"""

import gc
import json
import os
import unicodedata
import zlib
from pathlib import Path
from typing import Any
from uuid import uuid4

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import (
    JsonSchemaError,
    ObjectLevelAuthorizationViolation,
    RejectedPositiveData,
)

# A run is short and builds much that lives to its end: looking for garbage as often as usual
# takes a quarter of its time.
gc.set_threshold(200_000, 50, 1000)

_WORLD = json.loads(Path(os.environ["SCHEMATHESIS_WORLD"]).read_text())
_ANSWERS = Path(os.environ["SCHEMATHESIS_ANSWERS"])

#: What rules over several fields answer. JSON Schema has no word for them: a cursor is signed, a
#: time comes after another, no two lines name one product.
_BEYOND_SCHEMA = {"CONFLICT", "INVALID_CURSOR", "REPEATED", "TOO_COMMON"}
#: Rules that the contract says in words: the first and the last year of times, and text that can be
#: seen. These are the beginnings of their messages.
_IN_WORDS = ("Give a time ", "Give a day ", "Leave out ", "Give text that can be seen")
#: The things of the world whose ids are sent in an address, by its first word.
_ASKED = {
    "category": "categories",
    "product": "products",
    "updateCategory": "categories",
    "updateCategoryByPut": "categories",
    "deleteCategory": "emptyCategories",
    "updateProduct": "changing",
    "updateProductByPut": "changing",
    "archiveProduct": "changing",
    "adjustStock": "changing",
    "setProductImage": "changing",
    "removeProductImage": "changing",
    "upload": "uploads",
    "deposit": "deposits",
    "order": "orders",
    "orderHistory": "orders",
    "orderRefunds": "orders",
    "refundOrder": "refundable",
    "payment": "payments",
    "coupon": "coupons",
    "updateCoupon": "coupons",
    "updateCouponByPut": "coupons",
    "deactivateCoupon": "coupons",
    "post": "posts",
    "postComments": "posts",
    "updatePost": "posts",
    "updatePostByPut": "posts",
    "deletePost": "unwanted",
    "unpublishPost": "offensive",
    "restorePost": "unpublished",
    "likePost": "posts",
    "unlikePost": "posts",
    "createComment": "posts",
    "comment": "comments",
    "commentReplies": "comments",
    "updateComment": "comments",
    "updateCommentByPut": "comments",
    "deleteComment": "regretted",
    "removeComment": "insulting",
    "restoreComment": "removed",
    "project": "projects",
    "updateProject": "projects",
    "updateProjectByPut": "projects",
    "deleteProject": "deletable",
    "invoice": "invoices",
    "invoicePdf": "invoices",
    "updateOrderStatus": "sendable",
    "updateOrderStatusByPut": "sendable",
    "approveOrder": "approvable",
    "rejectOrder": "rejectable",
    "payOrder": "unpaid",
    "cancelOrder": "unpaid",
    "user": "subjects",
    "updateUser": "subjects",
    "updateUserByPut": "subjects",
    "revokeUserSessions": "subjects",
    "revokeSession": "otherSessions",
    "revokeApiKey": "apiKeys",
    "job": "jobs",
    "retryJob": "failedJobs",
    "discardJob": "failedJobs",
}
#: Amounts in bodies.
_MONEY = ("amount", "budget", "expectedRefunded", "minimumOrder", "price", "subtotal", "value")
#: What can be used once.
_USED_UP = {
    "sendable",
    "approvable",
    "rejectable",
    "unpaid",
    "emptyCategories",
    "refundable",
    "refreshTokens",
    "accessTokens",
    "resets",
    "verifications",
    "otherSessions",
    "apiKeys",
    "changers",
    "leavers",
    "failedJobs",
    "deletable",
    "unwanted",
    "offensive",
    "unpublished",
    "regretted",
    "insulting",
    "removed",
    "avatars",
    "pictures",
}
#: So many of them are left to operations that have had no success yet.
_SPARED = 5
#: Who makes the calls that end sessions of one's own.
_INSTEAD = {
    "logoutEverywhere": "accessTokens",
    "changePassword": "changers",
    "deleteMe": "leavers",
}
#: Rules of an API key over the time, the caller's role and the caller's other keys.
_BEYOND_KEYS = {
    ("expiresAt", "TOO_SMALL"),
    ("expiresAt", "TOO_LARGE"),
    ("permissions", "INVALID_CHOICE"),
    ("name", "TOO_MANY"),
    # An order has had only these products, and pieces may be worth less than a cent.
    ("lines", "NOT_FOUND"),
    ("lines", "TOO_SMALL"),
    # A percentage is at most 100, an amount need not be.
    ("value", "TOO_LARGE"),
}
#: Stock has no more pieces than there may be.
_BEYOND_STOCK = {("stock", "TOO_LARGE"), ("delta", "TOO_LARGE")}
#: The contract says in words how deep and large metadata may be.
_BEYOND_METADATA = {
    ("metadata", "INVALID_FORMAT"),
    ("metadata", "TOO_DEEP"),
    ("metadata", "TOO_LARGE"),
    ("metadata", "TOO_MANY"),
}
#: A full name is derived from two others. Domains follow IDNA. Countries are a list, and some have
#: no postal codes.
_BEYOND_PEOPLE = {
    ("fullName", "TOO_LONG"),
    ("email", "INVALID_FORMAT"),
    ("shippingAddress", "INVALID_CHOICE"),
    ("shippingAddress", "REQUIRED"),
}
#: Time zones are a list, a report has a limit, and a file goes on after one of its rows.
_BEYOND_REPORTS = {("timeZone", "INVALID_CHOICE"), ("to", "TOO_MANY"), ("afterId", "NOT_FOUND")}
#: A new email takes the password.
_BEYOND_ME = {("currentPassword", "REQUIRED")}
#: A part of a form says the name and the type of its file, and a file is not empty.
_BEYOND_FORMS = {
    ("file", "INVALID_CHOICE"),
    ("file", "INVALID_FORMAT"),
    ("file", "REQUIRED"),
    ("file", "TOO_LONG"),
    ("file", "TOO_SHORT"),
    ("file", "TOO_SMALL"),
}
#: One of these ways to page is kept; a made-up cursor is never one of ours.
_PAGING = (("first",), ("last",), ("page", "perPage"))
_CONTRADICTING = ("after", "afterId", "before", "bom", "limit", "order", "to", "maxPrice")

#: A password and a name that an account may have.
_NEW = {"password": "kx7-plover-anvil", "fullName": "Ada Lovelace"}

_reached: set[str] = set()


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Make a share of what is well formed also true."""
    operation, chance = _operation_id(case), _chance(case)
    if _is_good(case, ParameterLocation.QUERY) and case.query:
        # A trimmed answer lacks what its schema requires; test_contract_rules.py reads some.
        case.query.pop("fields", None)
    _keep_signed_in(case, operation)
    if chance == 0 and operation in _reached:
        return
    if operation in _ASKED and _is_made_up(case, operation) and _is_worth(case, operation):
        case.path_parameters["id"] = (
            _take(_ASKED[operation], operation) or case.path_parameters["id"]
        )
    if _is_good(case, ParameterLocation.HEADER) and case.headers:
        if "Idempotency-Key" in case.headers:
            case.headers["Idempotency-Key"] = uuid4().hex
        case.headers.pop("If-Match", None)
        if case.method != "GET":
            case.headers.pop("If-None-Match", None)
    if _is_good(case, ParameterLocation.QUERY) and case.query:
        _make_query_true(operation, case.query, chance)
    if _is_good(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        _make_body_true(operation, case.body)


@schemathesis.hook
def after_call(context: HookContext, case: Case, response: Response) -> None:
    """Note which operation answered what."""
    if response.request.method != case.operation.method.upper():
        return  # a method that the contract does not have
    if response.status_code < 300:
        _reached.add(_operation_id(case))
    with _ANSWERS.open("a") as file:
        file.write(f"{_operation_id(case)} {response.status_code}\n")


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case, response: Response) -> bool:
    """Accept what JSON Schema cannot say: rules over several fields, and that users are public.

    What a stranger sees of a user is less than the user sees; here both are answers of one route.
    """
    if isinstance(failure, ObjectLevelAuthorizationViolation) and _operation_id(case) == "user":
        return False
    if isinstance(failure, JsonSchemaError) and "fields" in (case.query or {}):
        return False  # a trimmed answer to a query that is wrong by the contract alone
    if isinstance(failure, AcceptedNegativeData) and _has_money_as_number(case):
        return False  # which the contract says in words
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 400:
        return True
    body = response.json()
    code = body["error"]["code"] if "error" in body else body.get("code")
    if code == "MALFORMED_REQUEST" and "\\u0000" in json.dumps(
        [case.query, case.path_parameters, _metadata(case)], default=str
    ):
        return False  # JSON Schema takes a NUL character for text
    fields = body["error"]["details"].get("fields") if "error" in body else body.get("fields")
    beyond = _BEYOND_KEYS | _BEYOND_STOCK | _BEYOND_PEOPLE | _BEYOND_METADATA | _BEYOND_REPORTS
    if _operation_id(case) in ("updateMe", "updateMeByPut"):
        beyond |= _BEYOND_ME
    if _operation_id(case) == "createUpload":
        beyond |= _BEYOND_FORMS
    return not fields or not all(
        item["code"] in _BEYOND_SCHEMA
        or (item["field"].partition(".")[0], item["code"]) in beyond
        or (item["code"] == "INVALID_FORMAT" and _has_marks(case))
        or item["message"].startswith(_IN_WORDS)
        for item in fields
    )


def _has_money_as_number(case: Case) -> bool:
    """Does the body give an amount of money as a JSON number?"""
    return isinstance(case.body, dict) and any(
        isinstance(case.body.get(name), int | float) and not isinstance(case.body[name], bool)
        for name in _MONEY
    )


def _metadata(case: Case) -> Any:
    return case.body.get("metadata") if isinstance(case.body, dict) else None


def _has_marks(case: Case) -> bool:
    """Does a case hold marks or joiners, which only letters before them make legible?"""
    text = json.dumps([case.query, case.body], ensure_ascii=False, default=str)
    return any(
        unicodedata.category(letter)[0] == "M" or unicodedata.category(letter) == "Cf"
        for letter in text
    )


def _operation_id(case: Case) -> str:
    return case.operation.definition.raw["operationId"]


def _chance(case: Case) -> int:
    """0 for one case in four, which stays as it is; the same case has the same chance again."""
    said = (case.path_parameters, case.query, case.headers, case.body)
    return zlib.crc32(repr(said).encode(errors="replace")) % 4


def _is_good(case: Case, location: ParameterLocation) -> bool:
    return case.meta is None or not case.meta.is_negative_at(location)


def _is_made_up(case: Case, operation: str) -> bool:
    """Is the id well formed, and not of something that the run itself has made or seen?"""
    if not _is_good(case, ParameterLocation.PATH):
        return False
    if case.meta is None or _ASKED[operation] in _USED_UP:
        return True
    drawn = {draw.location for draw in case.meta.pool_draws}
    return ParameterLocation.PATH not in drawn and case.meta.phase.name != TestPhase.STATEFUL


def _is_worth(case: Case, operation: str) -> bool:
    """Is nothing wrong with the case that keeps it from using up what can be used once?"""
    if _ASKED[operation] not in _USED_UP:
        return True
    return _is_good(case, ParameterLocation.HEADER) and _is_good(case, ParameterLocation.BODY)


def _keep_signed_in(case: Case, operation: str) -> None:
    """The run goes on as the caller: whoever is to be signed out is somebody else."""
    if operation == "revokeSession" and case.path_parameters["id"] == _WORLD["session"]:
        case.path_parameters["id"] = _take("otherSessions", operation) or str(uuid4())
    if _ASKED.get(operation) == "subjects" and case.path_parameters["id"] == _WORLD["me"]:
        case.path_parameters["id"] = _take("subjects", operation)
    headers = case.headers or {}
    if operation in _INSTEAD and headers.get("Authorization") == _WORLD["caller"]:
        guest = _take(_INSTEAD[operation], operation) or "spent"
        headers["Authorization"] = f"Bearer {guest}"


def _take(name: str, operation: str) -> str | None:
    things = _WORLD[name]
    if name not in _USED_UP:
        return things[0]
    left_alone = _SPARED if operation in _reached else 0
    return things.pop() if len(things) > left_alone else None


def _make_query_true(operation: str, query: dict[str, Any], chance: int) -> None:
    """Page in one way, and leave out what may contradict the rest."""
    for way, names in enumerate(_PAGING):
        if way != chance % len(_PAGING):
            for name in names:
                query.pop(name, None)
    for name in _CONTRADICTING:
        query.pop(name, None)
    if query.get("sort") == "relevance":
        query["search"] = "lamp"
    if operation == "salesReport":
        query |= {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
        query.pop("timeZone", None)
    if "categoryId" in query:
        query["categoryId"] = _take("categories", operation)


def _make_body_true(operation: str, body: dict[str, Any]) -> None:
    match operation:
        case "register" if {"email", "username"} <= body.keys():
            name = uuid4().hex[:20]
            body |= {"email": f"{name}@example.com", "username": name, **_NEW}
        case "login" if {"email", "password"} <= body.keys():
            body |= _WORLD["login"]
        case "refreshToken" | "logout" if "refreshToken" in body:
            body["refreshToken"] = _take("refreshTokens", operation) or body["refreshToken"]
        case "resetPassword" if {"token", "newPassword"} <= body.keys():
            body["token"] = _take("resets", operation) or body["token"]
            body["newPassword"] = _NEW["password"]
        case "verifyEmail" if "token" in body:
            body["token"] = _take("verifications", operation) or body["token"]
        case "updateMe" | "updateMeByPut" if operation not in _reached and body:
            # Few cases are drawn, and most of them say a fact twice or take somebody's name.
            body.clear()
            body["bio"] = "Mine."
        case "updateMe" | "updateMeByPut" if "email" in body:
            body |= {"email": f"{uuid4().hex[:20]}@example.com"}
            body["currentPassword"] = _WORLD["password"]
        case "updateMe" | "updateMeByPut":
            body.pop("currentPassword", None)
            body.setdefault("bio", "Mine.")
        case "changePassword" if {"currentPassword", "newPassword"} <= body.keys():
            body |= {"currentPassword": _WORLD["password"], "newPassword": _NEW["password"]}
        case "deleteMe" if "password" in body:
            body["password"] = _WORLD["password"]
        case "createUser" if {"email", "username"} <= body.keys():
            name = uuid4().hex[:20]
            body |= {"email": f"{name}@example.com", "username": name, **_NEW}
        case "updateUser" | "updateUserByPut" if "email" in body:
            body["email"] = f"{uuid4().hex[:20]}@example.com"
        case "createApiKey" if {"name", "permissions"} <= body.keys():
            body["permissions"] = ["orders:read:own"]
            body.pop("expiresAt", None)
        case "createCategory" | "updateCategory" | "updateCategoryByPut" if "slug" in body:
            body["slug"] = uuid4().hex
        case "createProduct" | "updateProduct" | "updateProductByPut" if "categoryId" in body:
            body["categoryId"] = _take("categories", operation)
        case "updateOrderStatus" | "updateOrderStatusByPut" if "status" in body:
            # What is paid can be confirmed; any other step is tried once this one was taken.
            if operation not in _reached:
                body["status"] = "CONFIRMED"
        case "adjustStock" if body.keys() & {"delta", "stock", "expected"}:
            body["delta"] = 1
            body.pop("stock", None)
            body.pop("expected", None)
        case "setAvatar" if "uploadId" in body:
            body["uploadId"] = _take("avatars", operation) or body["uploadId"]
        case "setProductImage" if "uploadId" in body:
            body["uploadId"] = _take("pictures", operation) or body["uploadId"]
        case "createCoupon" if {"code", "kind", "value"} <= body.keys():
            body |= {"code": uuid4().hex, "value": "5.00"}
            body.pop("endsAt", None)
        case "createComment":
            body.pop("parentId", None)
        case "updateCoupon" | "updateCouponByPut":
            body.pop("code", None)
        case "checkCoupon" if {"code", "subtotal"} <= body.keys():
            body |= {"code": _take("couponCodes", operation), "subtotal": "20.00"}
        case "refundOrder":
            body.pop("expectedRefunded", None)
            if "lines" in body:
                body.pop("amount", None)
                body["lines"] = [{"productId": _WORLD["products"][0], "quantity": 1}]
            elif "amount" in body:
                body["amount"] = "0.01"
                body.pop("restock", None)
        case "createOrder" | "quoteOrder":
            if body.get("couponCode") is not None:
                body["couponCode"] = _take("couponCodes", operation)
            lines = body.get("lines", [body])
            if isinstance(body.get("shippingAddress"), dict):
                body["shippingAddress"] |= {"country": "GB", "postalCode": "SW1Y 4JH"}
            for line, product in zip(lines, _WORLD["products"], strict=False):
                if "productId" in line:
                    line["productId"] = product
        case _:
            pass
