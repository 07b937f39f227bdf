"""One client for every door of Tandem: GraphQL, REST v1, REST v2, and the service itself.

Addresses and documents are written here by hand, a second time beside the application's own, so
that a test can disagree with it. Whatever the door, an outcome has the same shape: values as v2
writes them, errors as their code, status, fields and details.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import msgspec

from services.catalogue import BY_NAME
from services.errors.base import TandemError
from services.etags import entity_tag
from services.ids import NOWHERE, parsed
from services.operation.operation import Operation
from services.operation.paging import ME, Page
from tests import exchanges
from tests.shop import Person, Shop

Caller = Person | str | None


@dataclass(frozen=True)
class Failure:
    """What every face says of an error."""

    code: str
    status: int
    fields: tuple[tuple[str, str, str], ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def paths(self) -> dict[str, str]:
        """Field path to field code."""
        return {path: code for path, code, _ in self.fields}


@dataclass(frozen=True)
class Paging:
    """Where a page lies; ``total`` only when it was asked for."""

    has_next: bool
    has_previous: bool
    start: str | None
    end: str | None
    total: int | None


@dataclass(frozen=True)
class Outcome:
    """How a call ended, whichever door it went through."""

    value: Any = None
    error: Failure | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    page: Paging | None = None
    etag: str | None = None
    replayed: bool = False
    body: Any = None

    @property
    def ok(self) -> Any:
        """The value; fails the test when the call failed."""
        assert self.error is None, self.error
        return self.value

    @property
    def code(self) -> str:
        """OK, or the error's code."""
        return self.error.code if self.error else "OK"

    @property
    def failure(self) -> Failure:
        """The error; fails the test when the call went well."""
        assert self.error is not None, self.value
        return self.error

    @property
    def listed(self) -> Paging:
        """The page; fails the test when the answer is none."""
        assert self.error is None, self.error
        assert self.page is not None
        return self.page

    def ids(self) -> list[str]:
        """The ids of a page's items."""
        return [item["id"] for item in self.ok]


class Address(NamedTuple):
    """Where REST has an operation, and which status its success has on v2."""

    method: str
    path: str
    status: int = 200


ADDRESSES: dict[str, Address] = {
    "auth.register": Address("POST", "/auth/register", 201),
    "auth.login": Address("POST", "/auth/login"),
    "auth.refresh": Address("POST", "/auth/refresh"),
    "auth.logout": Address("POST", "/auth/logout"),
    "auth.logoutEverywhere": Address("POST", "/auth/logout-all"),
    "auth.requestPasswordReset": Address("POST", "/auth/password-reset"),
    "auth.resendVerification": Address("POST", "/auth/verify-email/resend"),
    "auth.resetPassword": Address("POST", "/auth/password-reset/confirm"),
    "auth.verifyEmail": Address("POST", "/auth/verify-email"),
    "sessions.list": Address("GET", "/me/sessions"),
    "sessions.revoke": Address("DELETE", "/me/sessions/{id}", 204),
    "apiKeys.list": Address("GET", "/me/api-keys"),
    "apiKeys.create": Address("POST", "/me/api-keys", 201),
    "apiKeys.revoke": Address("DELETE", "/me/api-keys/{id}", 204),
    "users.me": Address("GET", "/me"),
    "users.updateMe": Address("PATCH", "/me"),
    "users.setAvatar": Address("PUT", "/me/avatar"),
    "users.removeAvatar": Address("DELETE", "/me/avatar", 204),
    "users.changePassword": Address("POST", "/me/password"),
    "users.deleteMe": Address("DELETE", "/me", 204),
    "users.export": Address("GET", "/me/export"),
    "users.list": Address("GET", "/admin/users"),
    "users.get": Address("GET", "/users/{id}"),
    "users.create": Address("POST", "/admin/users", 201),
    "users.update": Address("PATCH", "/admin/users/{id}"),
    "users.revokeSessions": Address("POST", "/admin/users/{id}/revoke-sessions"),
    "categories.list": Address("GET", "/categories"),
    "categories.get": Address("GET", "/categories/{id}"),
    "categories.create": Address("POST", "/categories", 201),
    "categories.update": Address("PATCH", "/categories/{id}"),
    "categories.delete": Address("DELETE", "/categories/{id}", 204),
    "products.list": Address("GET", "/products"),
    "products.get": Address("GET", "/products/{id}"),
    "products.create": Address("POST", "/products", 201),
    "products.update": Address("PATCH", "/products/{id}"),
    "products.archive": Address("DELETE", "/products/{id}", 204),
    "products.adjustStock": Address("POST", "/products/{id}/stock"),
    "products.export": Address("GET", "/admin/products/export"),
    "reports.transactions": Address("GET", "/admin/transactions"),
    "reports.exportTransactions": Address("GET", "/admin/transactions/export"),
    "reports.sales": Address("GET", "/admin/reports/sales"),
    "products.setImage": Address("PUT", "/products/{id}/image"),
    "products.removeImage": Address("DELETE", "/products/{id}/image", 204),
    "wallet.get": Address("GET", "/wallet"),
    "wallet.entries": Address("GET", "/wallet/entries"),
    "deposits.create": Address("POST", "/wallet/deposits", 201),
    "deposits.list": Address("GET", "/wallet/deposits"),
    "deposits.get": Address("GET", "/wallet/deposits/{id}"),
    "orders.quote": Address("POST", "/orders/quote"),
    "orders.create": Address("POST", "/orders", 201),
    "orders.get": Address("GET", "/orders/{id}"),
    "orders.list": Address("GET", "/orders"),
    "orders.history": Address("GET", "/orders/{id}/history"),
    "orders.pay": Address("POST", "/orders/{id}/pay", 201),
    "orders.cancel": Address("POST", "/orders/{id}/cancel"),
    "orders.listAll": Address("GET", "/admin/orders"),
    "orders.updateStatus": Address("PATCH", "/admin/orders/{id}/status"),
    "approvals.list": Address("GET", "/admin/approvals"),
    "approvals.approve": Address("POST", "/admin/orders/{id}/approve"),
    "approvals.reject": Address("POST", "/admin/orders/{id}/reject"),
    "orders.refund": Address("POST", "/admin/orders/{id}/refunds", 201),
    "refunds.list": Address("GET", "/orders/{id}/refunds"),
    "payments.list": Address("GET", "/payments"),
    "payments.get": Address("GET", "/payments/{id}"),
    "invoices.get": Address("GET", "/invoices/{id}"),
    "invoices.pdf": Address("GET", "/invoices/{id}/pdf"),
    "coupons.list": Address("GET", "/admin/coupons"),
    "coupons.get": Address("GET", "/admin/coupons/{id}"),
    "coupons.create": Address("POST", "/admin/coupons", 201),
    "coupons.update": Address("PATCH", "/admin/coupons/{id}"),
    "coupons.deactivate": Address("POST", "/admin/coupons/{id}/deactivate"),
    "coupons.check": Address("POST", "/coupons/check"),
    "posts.list": Address("GET", "/posts"),
    "posts.listMine": Address("GET", "/me/posts"),
    "posts.popular": Address("GET", "/posts/popular"),
    "posts.get": Address("GET", "/posts/{id}"),
    "posts.create": Address("POST", "/posts", 201),
    "posts.update": Address("PATCH", "/posts/{id}"),
    "posts.delete": Address("DELETE", "/posts/{id}", 204),
    "posts.unpublish": Address("POST", "/posts/{id}/unpublish"),
    "posts.restore": Address("POST", "/posts/{id}/restore"),
    "posts.like": Address("PUT", "/posts/{id}/like"),
    "posts.unlike": Address("DELETE", "/posts/{id}/like", 204),
    "comments.list": Address("GET", "/posts/{id}/comments"),
    "comments.replies": Address("GET", "/comments/{id}/replies"),
    "comments.get": Address("GET", "/comments/{id}"),
    "comments.create": Address("POST", "/posts/{id}/comments", 201),
    "comments.update": Address("PATCH", "/comments/{id}"),
    "comments.delete": Address("DELETE", "/comments/{id}", 204),
    "comments.remove": Address("POST", "/comments/{id}/remove"),
    "comments.restore": Address("POST", "/comments/{id}/restore"),
    "projects.list": Address("GET", "/projects"),
    "projects.get": Address("GET", "/projects/{id}"),
    "projects.create": Address("POST", "/projects", 201),
    "projects.update": Address("PATCH", "/projects/{id}"),
    "projects.delete": Address("DELETE", "/projects/{id}", 204),
    "uploads.create": Address("POST", "/uploads", 201),
    "uploads.get": Address("GET", "/uploads/{id}"),
    "events.list": Address("GET", "/events/log"),
    "events.stream": Address("GET", "/events"),
    "eventTypes.list": Address("GET", "/event-types"),
    "audit.list": Address("GET", "/admin/audit"),
    "audit.head": Address("GET", "/admin/audit/head"),
    "audit.verify": Address("GET", "/admin/audit/verify"),
    "jobs.list": Address("GET", "/admin/jobs"),
    "jobs.get": Address("GET", "/admin/jobs/{id}"),
    "jobs.retry": Address("POST", "/admin/jobs/{id}/retry"),
    "jobs.discard": Address("DELETE", "/admin/jobs/{id}", 204),
}

_VARIANTS = "imageVariants { size url width height }"
_PROFILE = f"profile {{ firstName lastName avatar {_VARIANTS} bio }}"
_USER = (
    f"id email username fullName {_PROFILE} role isActive lastLoginAt emailVerified pendingEmail "
    "version createdAt updatedAt"
)
#: A union's tag is on the one of its types that has a version.
_PERSON = f"... on User {{ {_USER} etag }} ... on PublicUser {{ id username avatar {_VARIANTS} }}"
_TOKENS = f"accessToken refreshToken tokenType expiresIn user {{ {_USER} }}"
_SESSION = "id userAgent current createdAt usedAt expiresAt"
_API_KEY = "id name prefix permissions createdAt expiresAt lastUsedAt"
_CATEGORY = "id slug name description version createdAt updatedAt"
_PRODUCT = (
    f"id name description price currency categoryId tags metadata image {_VARIANTS} isActive stock "
    "version createdAt updatedAt"
)
_WALLET = "id balance held currency createdAt updatedAt"
_ENTRY = "id kind amount balanceAfter currency orderId depositId createdAt"
_DEPOSIT = "id amount currency status failureCode createdAt settledAt"
_ORDER = (
    "id number customerId status paymentStatus nextStatuses "
    "lines { productId name quantity unitPrice total } subtotal discount total tax refunded "
    "currency shippingAddress { name line1 line2 city postalCode country } "
    "couponId couponCode trackingCode "
    "version createdAt updatedAt expiresAt approvedAt paidAt shippedAt deliveredAt cancelledAt "
    "invoiceId"
)
_QUOTE = (
    "lines { productId name quantity unitPrice total } subtotal discount total tax currency "
    "needsApproval"
)
_EVENT = "id fromStatus toStatus actorId note createdAt"
_PAYMENT = "id orderId amount currency status createdAt"
_ADDRESS = "name line1 line2 city postalCode country"
_INVOICE = (
    "id kind number orderId orderNumber correctsId correctsNumber refundId "
    "seller { name address taxNumber email } "
    f"buyer {{ name address {{ {_ADDRESS} }} }} "
    "lines { productId name quantity unitPrice total } "
    "subtotal discount total tax taxRate currency paidAt issuedAt"
)
_COUPON = (
    "id code kind value currency description startsAt endsAt minimumOrder usageLimit perUserLimit "
    "redeemed isActive version createdAt updatedAt"
)
_POST = (
    "id authorId title content category tags isPublished publishedAt unpublishedReason views likes "
    "commentCount version createdAt updatedAt"
)
_COMMENT = (
    "id postId authorId parentId content status removedReason replyCount version createdAt "
    "updatedAt"
)
_PROJECT = "id ownerId name description status budget currency deadline version createdAt updatedAt"
_UPLOAD = (
    "id purpose filename contentType size sha256 status method url headers "
    "quota { limit used warning } createdAt expiresAt"
)
_JOB = "id name status attempts error createdAt runAt requestId"
_AUDIT = "id actorId apiKeyId action entity entityId changed outcome requestId createdAt"
_REFUND = (
    "id orderId paymentId amount currency lines { productId quantity amount } restocked reason "
    "actorId createdAt creditNoteId"
)
_TRANSACTION = (
    "id kind amount balanceAfter currency customerId orderId depositId reversesId createdAt"
)
_SALES = (
    "timeZone currency orders gross refunded net periods { firstDay startsAt endsAt orders gross "
    "refunded net groups { groupId name orders quantity gross refundedQuantity refunded net } }"
)
_EXPORT = "url filename expiresAt"
_FORMAT = {"format": "ExportFormat", "bom": "Boolean", "afterId": "ID"}
_LOGGED = "id type cursor position at subject data requestId"
_EVENT_TYPE = "name summary subject payload heardBy"
_PAGING = {
    "first": "Int",
    "after": "String",
    "last": "Int",
    "before": "String",
    "page": "Int",
    "perPage": "Int",
}
_PERIOD = {"from": "DateTime", "to": "DateTime"}


class Document(NamedTuple):
    """How GraphQL has an operation: its field, what it takes and what it gives."""

    field: str
    gives: str
    takes: Mapping[str, str] = {}
    #: The type of a mutation's input object.
    input: str | None = None
    listed: bool = False
    #: The field that tells the items of a list apart.
    key: str = "id"
    tagged: bool = False
    #: The root field that a nested operation lies in, and what that takes.
    under: str | None = None
    under_takes: Mapping[str, str] = {}


_ID = {"id": "ID!"}
DOCUMENTS: dict[str, Document] = {
    "auth.register": Document("register", _TOKENS, input="RegisterInput!"),
    "auth.login": Document("login", _TOKENS, input="LoginInput!"),
    "auth.refresh": Document("refreshToken", _TOKENS, input="RefreshInput!"),
    "auth.logout": Document("logout", "ok", input="RefreshInput!"),
    "auth.logoutEverywhere": Document("logoutEverywhere", "ok"),
    "auth.requestPasswordReset": Document(
        "requestPasswordReset", "ok", input="RequestPasswordResetInput!"
    ),
    "auth.resendVerification": Document("resendVerification", "ok"),
    "auth.resetPassword": Document("resetPassword", "ok", input="ResetPasswordInput!"),
    "auth.verifyEmail": Document("verifyEmail", "ok", input="VerifyEmailInput!"),
    "sessions.list": Document(
        "sessions", _SESSION, {**_PAGING, "sort": "SessionSort"}, listed=True, under="me"
    ),
    "sessions.revoke": Document("revokeSession", "ok", _ID),
    "apiKeys.list": Document(
        "apiKeys", _API_KEY, {**_PAGING, "sort": "ApiKeySort"}, listed=True, under="me"
    ),
    "apiKeys.create": Document(
        "createApiKey", f"secret apiKey {{ {_API_KEY} }}", input="CreateApiKeyInput!"
    ),
    "apiKeys.revoke": Document("revokeApiKey", "ok", _ID),
    "users.me": Document("me", _USER, tagged=True),
    "users.updateMe": Document("updateMe", _USER, input="UpdateMeInput!", tagged=True),
    "users.setAvatar": Document("setAvatar", _USER, input="SetAvatarInput!", tagged=True),
    "users.removeAvatar": Document("removeAvatar", "ok"),
    "users.changePassword": Document("changePassword", "ok", input="ChangePasswordInput!"),
    "users.deleteMe": Document("deleteMe", "ok", input="DeleteMeInput!"),
    "users.export": Document("exportMe", "exportedAt data"),
    "users.list": Document(
        "users",
        _USER,
        {**_PAGING, "role": "Role", "isActive": "Boolean", "search": "String", "sort": "UserSort"},
        listed=True,
    ),
    "users.get": Document("user", _PERSON, _ID),
    "users.create": Document("createUser", _USER, input="CreateUserInput!", tagged=True),
    "users.update": Document("updateUser", _USER, _ID, input="UpdateUserInput!", tagged=True),
    "users.revokeSessions": Document("revokeUserSessions", "ok", _ID),
    "categories.list": Document(
        "categories", _CATEGORY, {**_PAGING, "sort": "CategorySort"}, listed=True
    ),
    "categories.get": Document("category", _CATEGORY, _ID, tagged=True),
    "categories.create": Document(
        "createCategory", _CATEGORY, input="CreateCategoryInput!", tagged=True
    ),
    "categories.update": Document(
        "updateCategory", _CATEGORY, _ID, input="UpdateCategoryInput!", tagged=True
    ),
    "categories.delete": Document("deleteCategory", "ok", _ID),
    "products.export": Document(
        "exportProducts",
        _EXPORT,
        {
            **_FORMAT,
            "category": "String",
            "categoryId": "ID",
            "tag": "String",
            "minPrice": "Money",
            "maxPrice": "Money",
            "inStock": "Boolean",
            "search": "String",
        },
    ),
    "reports.transactions": Document(
        "transactions",
        _TRANSACTION,
        {**_PAGING, **_PERIOD, "kind": "TransferKind", "sort": "TransactionSort"},
        listed=True,
    ),
    "reports.exportTransactions": Document(
        "exportTransactions", _EXPORT, {**_FORMAT, **_PERIOD, "kind": "TransferKind"}
    ),
    "reports.sales": Document(
        "salesReport",
        _SALES,
        {
            "from": "DateTime!",
            "to": "DateTime!",
            "period": "PeriodLength",
            "by": "SalesGrouping",
            "timeZone": "String",
        },
    ),
    "products.list": Document(
        "products",
        _PRODUCT,
        {
            **_PAGING,
            "category": "String",
            "categoryId": "ID",
            "tag": "String",
            "minPrice": "Money",
            "maxPrice": "Money",
            "inStock": "Boolean",
            "search": "String",
            "sort": "ProductSort",
        },
        listed=True,
    ),
    "products.get": Document("product", _PRODUCT, _ID, tagged=True),
    "products.create": Document(
        "createProduct", _PRODUCT, input="CreateProductInput!", tagged=True
    ),
    "products.update": Document(
        "updateProduct", _PRODUCT, _ID, input="UpdateProductInput!", tagged=True
    ),
    "products.archive": Document("archiveProduct", "ok", _ID),
    "products.adjustStock": Document(
        "adjustStock", _PRODUCT, _ID, input="AdjustStockInput!", tagged=True
    ),
    "products.setImage": Document(
        "setProductImage", _PRODUCT, _ID, input="SetProductImageInput!", tagged=True
    ),
    "products.removeImage": Document("removeProductImage", "ok", _ID),
    "wallet.get": Document("wallet", _WALLET),
    "wallet.entries": Document(
        "entries", _ENTRY, {**_PAGING, "sort": "WalletEntrySort"}, listed=True, under="wallet"
    ),
    "deposits.create": Document("createDeposit", _DEPOSIT, input="CreateDepositInput!"),
    "deposits.list": Document(
        "deposits",
        _DEPOSIT,
        {**_PAGING, "status": "DepositStatus", "sort": "DepositSort"},
        listed=True,
        under="wallet",
    ),
    "deposits.get": Document("deposit", _DEPOSIT, _ID),
    "orders.quote": Document("quoteOrder", _QUOTE, input="QuoteOrderInput!"),
    "orders.create": Document("createOrder", _ORDER, input="CreateOrderInput!", tagged=True),
    "orders.get": Document("order", _ORDER, _ID, tagged=True),
    "orders.list": Document(
        "orders",
        _ORDER,
        {**_PAGING, **_PERIOD, "status": "OrderStatus", "number": "String", "sort": "OrderSort"},
        listed=True,
    ),
    "orders.history": Document(
        "history",
        _EVENT,
        {**_PAGING, "sort": "OrderEventSort"},
        listed=True,
        under="order",
        under_takes=_ID,
    ),
    "orders.pay": Document("payOrder", _PAYMENT, _ID),
    "orders.cancel": Document("cancelOrder", _ORDER, _ID, input="CancelOrderInput", tagged=True),
    "orders.refund": Document("refundOrder", _REFUND, _ID, input="RefundOrderInput"),
    "refunds.list": Document(
        "refunds",
        _REFUND,
        {**_PAGING, "sort": "RefundSort"},
        listed=True,
        under="order",
        under_takes=_ID,
    ),
    "payments.list": Document(
        "payments",
        _PAYMENT,
        {**_PAGING, **_PERIOD, "orderId": "ID", "status": "PaymentState", "sort": "PaymentSort"},
        listed=True,
    ),
    "orders.listAll": Document(
        "allOrders",
        _ORDER,
        {
            **_PAGING,
            **_PERIOD,
            "status": "OrderStatus",
            "number": "String",
            "customerId": "ID",
            "sort": "OrderSort",
        },
        listed=True,
    ),
    "orders.updateStatus": Document(
        "updateOrderStatus", _ORDER, _ID, input="UpdateOrderStatusInput!", tagged=True
    ),
    "approvals.list": Document("approvals", _ORDER, {**_PAGING, "sort": "OrderSort"}, listed=True),
    "approvals.approve": Document("approveOrder", _ORDER, _ID, input="DecisionInput", tagged=True),
    "approvals.reject": Document("rejectOrder", _ORDER, _ID, input="DecisionInput", tagged=True),
    "payments.get": Document("payment", _PAYMENT, _ID),
    "invoices.get": Document("invoice", _INVOICE, _ID),
    "invoices.pdf": Document("pdfUrl", "", under="invoice", under_takes=_ID),
    "coupons.list": Document(
        "coupons",
        _COUPON,
        {**_PAGING, "code": "String", "isActive": "Boolean", "sort": "CouponSort"},
        listed=True,
    ),
    "coupons.get": Document("coupon", _COUPON, _ID, tagged=True),
    "coupons.create": Document("createCoupon", _COUPON, input="CreateCouponInput!", tagged=True),
    "coupons.update": Document(
        "updateCoupon", _COUPON, _ID, input="UpdateCouponInput!", tagged=True
    ),
    "coupons.deactivate": Document("deactivateCoupon", _COUPON, _ID, tagged=True),
    "coupons.check": Document(
        "checkCoupon", "code subtotal discount total currency", input="CheckCouponInput!"
    ),
    "posts.list": Document(
        "posts",
        _POST,
        {
            **_PAGING,
            "category": "PostCategory",
            "author": "ID",
            "tag": "String",
            "search": "String",
            "sort": "PostSort",
        },
        listed=True,
    ),
    "posts.listMine": Document(
        "posts",
        _POST,
        {**_PAGING, "isPublished": "Boolean", "search": "String", "sort": "PostSort"},
        listed=True,
        under="me",
    ),
    "posts.popular": Document("popularPosts", _POST, {"first": "Int"}, listed=True),
    "posts.get": Document("post", _POST, _ID, tagged=True),
    "posts.create": Document("createPost", _POST, input="CreatePostInput!", tagged=True),
    "posts.update": Document("updatePost", _POST, _ID, input="UpdatePostInput!", tagged=True),
    "posts.delete": Document("deletePost", "ok", _ID),
    "posts.unpublish": Document(
        "unpublishPost", _POST, _ID, input="UnpublishPostInput!", tagged=True
    ),
    "posts.restore": Document("restorePost", _POST, _ID, tagged=True),
    "posts.like": Document("likePost", _POST, _ID, tagged=True),
    "posts.unlike": Document("unlikePost", "ok", _ID),
    "comments.list": Document(
        "comments",
        _COMMENT,
        {**_PAGING, "sort": "CommentSort"},
        listed=True,
        under="post",
        under_takes=_ID,
    ),
    "comments.replies": Document(
        "replies",
        _COMMENT,
        {**_PAGING, "sort": "CommentSort"},
        listed=True,
        under="comment",
        under_takes=_ID,
    ),
    "comments.get": Document("comment", _COMMENT, _ID, tagged=True),
    "comments.create": Document(
        "createComment", _COMMENT, _ID, input="CreateCommentInput!", tagged=True
    ),
    "comments.update": Document(
        "updateComment", _COMMENT, _ID, input="UpdateCommentInput!", tagged=True
    ),
    "comments.delete": Document("deleteComment", "ok", _ID),
    "comments.remove": Document(
        "removeComment", _COMMENT, _ID, input="RemoveCommentInput!", tagged=True
    ),
    "comments.restore": Document("restoreComment", _COMMENT, _ID, tagged=True),
    "projects.list": Document(
        "projects",
        _PROJECT,
        {**_PAGING, "status": "ProjectStatus", "ownerId": "ID", "sort": "ProjectSort"},
        listed=True,
    ),
    "projects.get": Document("project", _PROJECT, _ID, tagged=True),
    "projects.create": Document(
        "createProject", _PROJECT, input="CreateProjectInput!", tagged=True
    ),
    "projects.update": Document(
        "updateProject", _PROJECT, _ID, input="UpdateProjectInput!", tagged=True
    ),
    "projects.delete": Document("deleteProject", "ok", _ID),
    "uploads.create": Document("createUpload", _UPLOAD, input="CreateUploadInput!"),
    "uploads.get": Document("upload", _UPLOAD, _ID),
    "events.list": Document(
        "eventLog", _LOGGED, {**_PAGING, "types": "[String!]", "subject": "ID"}, listed=True
    ),
    "events.stream": Document(
        "events", _LOGGED, {"types": "[String!]", "subject": "ID", "after": "String"}
    ),
    "eventTypes.list": Document(
        "eventTypes", _EVENT_TYPE, {"first": "Int"}, listed=True, key="name"
    ),
    "audit.list": Document(
        "auditLog",
        _AUDIT,
        {
            **_PAGING,
            **_PERIOD,
            "actorId": "ID",
            "entityId": "ID",
            "action": "String",
            "sort": "AuditEntrySort",
        },
        listed=True,
    ),
    "jobs.list": Document(
        "jobs",
        _JOB,
        {**_PAGING, "status": "JobStatus", "name": "String", "sort": "JobSort"},
        listed=True,
    ),
    "jobs.get": Document("job", _JOB, _ID),
    "jobs.retry": Document("retryJob", _JOB, _ID),
    "jobs.discard": Document("discardJob", "ok", _ID),
    "audit.head": Document("auditHead", "position hash sealedAt unsealed"),
    "audit.verify": Document(
        "verifyAuditLog",
        "valid checked nextPosition problems { kind position entryId }",
        {"startPosition": "Int", "position": "Int", "hash": "String"},
    ),
}
#: What REST answers with a file, and GraphQL with its signed address: their media types.
FILES = {
    "invoices.pdf": {"application/pdf"},
    "products.export": {"application/json", "application/x-ndjson", "text/csv"},
    "reports.exportTransactions": {"application/json", "application/x-ndjson", "text/csv"},
}
#: What answers with a stream. Here it is opened and left at once; its value says no more.
STREAMS = {"events.stream"}
OPENED = {"opened": True}
_MUTATIONS = {
    "register",
    "login",
    "refreshToken",
    "logout",
    "logoutEverywhere",
    "requestPasswordReset",
    "resendVerification",
    "resetPassword",
    "verifyEmail",
    "revokeSession",
    "createApiKey",
    "revokeApiKey",
    "updateMe",
    "setAvatar",
    "removeAvatar",
    "changePassword",
    "deleteMe",
    "createUser",
    "updateUser",
    "revokeUserSessions",
    "createCategory",
    "updateCategory",
    "deleteCategory",
    "createProduct",
    "updateProduct",
    "archiveProduct",
    "adjustStock",
    "setProductImage",
    "removeProductImage",
    "createUpload",
    "createDeposit",
    "createOrder",
    "payOrder",
    "cancelOrder",
    "createCoupon",
    "updateCoupon",
    "deactivateCoupon",
    "createPost",
    "updatePost",
    "deletePost",
    "unpublishPost",
    "restorePost",
    "likePost",
    "unlikePost",
    "createComment",
    "updateComment",
    "deleteComment",
    "removeComment",
    "restoreComment",
    "createProject",
    "updateProject",
    "deleteProject",
    "retryJob",
    "discardJob",
    "refundOrder",
    "updateOrderStatus",
    "approveOrder",
    "rejectOrder",
}
SORTS = {
    "createdAt": "CREATED_AT_ASC",
    "-createdAt": "CREATED_AT_DESC",
    "name": "NAME_ASC",
    "-name": "NAME_DESC",
    "username": "USERNAME_ASC",
    "-username": "USERNAME_DESC",
    "email": "EMAIL_ASC",
    "-email": "EMAIL_DESC",
    "fullName": "FULL_NAME_ASC",
    "-fullName": "FULL_NAME_DESC",
    "code": "CODE_ASC",
    "-code": "CODE_DESC",
    "updatedAt": "UPDATED_AT_ASC",
    "-updatedAt": "UPDATED_AT_DESC",
    "title": "TITLE_ASC",
    "-title": "TITLE_DESC",
    "deadline": "DEADLINE_ASC",
    "-deadline": "DEADLINE_DESC",
    "price": "PRICE_ASC",
    "-price": "PRICE_DESC",
    "relevance": "RELEVANCE",
}


class Door(ABC):
    """One way in."""

    name: str

    @abstractmethod
    async def call(
        self,
        operation: str,
        values: Mapping[str, Any] | None = None,
        *,
        caller: Caller = None,
        key: str | None = None,
        if_match: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Call an operation with values by their wire names."""

    def __repr__(self) -> str:
        return self.name


#: Lists that lie under a parent, and how to tell which.
_NESTED: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "invoices.pdf": lambda raw: parsed(raw.pop("id")) or NOWHERE,
    "orders.history": lambda raw: parsed(raw.pop("id")) or NOWHERE,
    "refunds.list": lambda raw: parsed(raw.pop("id")) or NOWHERE,
    "comments.list": lambda raw: parsed(raw.pop("id")) or NOWHERE,
    "comments.replies": lambda raw: parsed(raw.pop("id")) or NOWHERE,
    "posts.listMine": lambda _: ME,
    "sessions.list": lambda _: ME,
    "apiKeys.list": lambda _: ME,
}


class Service(Door):
    """The operation itself, behind all faces."""

    name = "direct"

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def call(
        self,
        operation: str,
        values: Mapping[str, Any] | None = None,
        *,
        caller: Caller = None,
        key: str | None = None,
        if_match: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Outcome:
        outcome = await self._call(operation, dict(values or {}), caller, key, if_match)
        exchanges.note(f"{operation} {values or {}}, called directly", outcome)
        return outcome

    async def _call(
        self,
        operation: str,
        raw: dict[str, Any],
        caller: Caller,
        key: str | None,
        if_match: str | None,
    ) -> Outcome:
        op = BY_NAME[operation]
        request = self._shop.request()
        request.bearer = caller.token if isinstance(caller, Person) else caller
        try:
            if operation in _NESTED:
                parent = _NESTED[operation](raw)
                found = (await op.of(request, [parent], raw))[parent]
                if isinstance(found, TandemError):
                    raise found
            else:
                found = await _called(op, request, raw, key, if_match)
                if operation in STREAMS:
                    found.close()
                    return Outcome(value=OPENED)
        except TandemError as error:
            return Outcome(error=_failure(error), status=error.status, replayed=request.replayed)
        if isinstance(found, Page):
            place = Paging(
                found.has_next,
                found.has_previous,
                found.start_cursor,
                found.end_cursor,
                found.total,
            )
            return Outcome(value=_plain(list(found.items)), page=place)
        tag = entity_tag(found) if hasattr(found, "version") else None
        return Outcome(value=_plain(found), etag=tag, replayed=request.replayed)


async def _called(
    op: Operation[Any, Any], request: Any, raw: Any, key: str | None, if_match: str | None
) -> Any:
    return await op(request, raw, key=key, if_match=if_match)


def _plain(value: Any) -> Any:
    return json.loads(msgspec.json.encode(value))


def _failure(error: TandemError) -> Failure:
    return Failure(error.code, error.status, _fields(_plain(error.fields)), _plain(error.details))


def _fields(found: Any) -> tuple[tuple[str, str, str], ...]:
    return tuple(sorted((item["field"], item["code"], item["message"]) for item in found or ()))


def _authorized(caller: Caller) -> dict[str, str]:
    token = caller.token if isinstance(caller, Person) else caller
    return {} if token is None else {"Authorization": f"Bearer {token}"}


class Rest(Door):
    """A REST dialect."""

    def __init__(self, client: httpx.AsyncClient, name: str) -> None:
        self.name = name
        self.client = client

    async def call(
        self,
        operation: str,
        values: Mapping[str, Any] | None = None,
        *,
        caller: Caller = None,
        key: str | None = None,
        if_match: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Outcome:
        address = ADDRESSES[operation]
        rest = dict(values or {})
        path = f"/api/{self.name}{address.path}"
        if "{id}" in path:
            path = path.replace("{id}", quote(str(rest.pop("id")), safe=""))
        sent = {**_authorized(caller), **(headers or {})}
        if key is not None:
            sent["Idempotency-Key"] = key
        if if_match is not None:
            sent["If-Match"] = f'"{if_match}"'
        if address.method == "GET":
            response = await self.client.get(path, params=_query(rest), headers=sent)
        else:
            # A body that may be left out is left out when it says nothing.
            optional = not (DOCUMENTS[operation].input or "").endswith("!")
            body = None if not rest and optional and "{id}" in address.path else rest
            response = await self.client.request(address.method, path, json=body, headers=sent)
        return self.read(operation, response)

    def read(self, operation: str, response: httpx.Response) -> Outcome:
        """A response as an outcome."""
        if _is_stream(response):
            return Outcome(value=OPENED, headers=response.headers)
        if operation in FILES and response.status_code == 200:
            return Outcome(value=response.content, headers=response.headers)
        body = response.json() if response.content else None
        assert (body is None) == (response.status_code in (204, 304)), response.status_code
        common = {
            "status": response.status_code,
            "headers": response.headers,
            "etag": _bare(response.headers.get("etag")),
            "replayed": response.headers.get("idempotent-replayed") == "true",
            "body": body,
        }
        if response.status_code >= 400:
            return Outcome(error=self._error(response.status_code, body), **common)
        if response.status_code == 304:
            return Outcome(**common)
        if ADDRESSES[operation].method == "DELETE":
            # A deletion has nothing to say; GraphQL must say something.
            assert body is None or body["data"] is None
            return Outcome(value={"ok": True}, **common)
        if DOCUMENTS[operation].listed:
            value, page = self._page(body)
            return Outcome(value=value, page=page, **common)
        return Outcome(value=self._value(operation, body), **common)

    def _error(self, status: int, body: Any) -> Failure:
        if self.name == "v1":
            assert set(body) == {"success", "data", "error", "requestId", "timestamp"}, body
            assert body["success"] is False
            assert body["data"] is None
            error = body["error"]
            assert set(error) == {"code", "message", "details"}
            details = dict(error["details"] or {})
            return Failure(error["code"], status, _fields(details.pop("fields", ())), details)
        assert body["status"] == status
        return Failure(body["code"], status, _fields(body.get("fields")), body.get("details") or {})

    def _page(self, body: Any) -> tuple[Any, Paging]:
        if self.name == "v1":
            meta = body["meta"]
            page = Paging(
                meta["hasNextPage"],
                meta["hasPrevPage"],
                meta["prevCursor"],
                meta["nextCursor"],
                meta["total"],
            )
            items = body["data"]
            return [_folded(item) if "fullName" in item else item for item in items], page
        assert set(body) == {"items", "pageInfo", "totalCount"}
        info = body["pageInfo"]
        page = Paging(
            info["hasNextPage"],
            info["hasPreviousPage"],
            info["startCursor"],
            info["endCursor"],
            body["totalCount"],
        )
        return body["items"], page

    def _value(self, operation: str, body: Any) -> Any:
        if self.name != "v1":
            return body
        assert body["success"] is True
        assert body["error"] is None
        data = body["data"]
        if isinstance(data, dict) and "fullName" in data:
            return _folded(data)
        if isinstance(data, dict) and "user" in data:
            return {**data, "user": _folded(data["user"])}
        return data


def _is_stream(response: httpx.Response) -> bool:
    return response.headers.get("content-type", "").startswith("text/event-stream")


def _folded(user: Mapping[str, Any]) -> dict[str, Any]:
    """v1's flat user in the shape of v2."""
    nested = ("firstName", "lastName", "avatar", "imageVariants", "bio")
    assert "profile" not in user
    rest = {name: value for name, value in user.items() if name not in nested}
    return {**rest, "profile": {name: user[name] for name in nested}}


def _query(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: Any) -> str:
    """A value in a query string; a list is one text, separated by commas."""
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bare(tag: str | None) -> str | None:
    return tag.removeprefix("W/").strip('"') if tag else None


class GraphQL(Door):
    """GraphQL over HTTP."""

    name = "graphql"

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def call(
        self,
        operation: str,
        values: Mapping[str, Any] | None = None,
        *,
        caller: Caller = None,
        key: str | None = None,
        if_match: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Outcome:
        document = DOCUMENTS[operation]
        accept = {"Accept": "text/event-stream"} if operation in STREAMS else {}
        response = await self.client.post(
            "/graphql",
            json=self.asked(*written(document, dict(values or {}), key, if_match)),
            headers={**accept, **_authorized(caller), **(headers or {})},
        )
        return self.read(operation, response)

    def asked(self, text: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The body of a request for a document with variables."""
        return {"query": text, "variables": variables}

    def read(self, operation: str, response: httpx.Response) -> Outcome:
        """A response as an outcome."""
        document = DOCUMENTS[operation]
        if _is_stream(response):
            return Outcome(value=OPENED, headers=response.headers)
        body = response.json()
        replayed = response.headers.get("idempotent-replayed") == "true"
        if "errors" in body:
            first = body["errors"][0]
            extensions = first["extensions"]
            failure = Failure(
                extensions["code"],
                extensions["status"],
                _fields(extensions.get("fields")),
                extensions.get("details") or {},
            )
            return Outcome(
                error=failure,
                status=failure.status,
                headers=response.headers,
                replayed=replayed,
                body=body,
            )
        value = body["data"][document.under or document.field]
        if document.under:
            value = value[document.field]
        common = {"headers": response.headers, "replayed": replayed, "body": body}
        if not document.listed:
            tag = value.pop("etag", None) if isinstance(value, dict) else None
            return Outcome(value=value, etag=tag, **common)
        info = value["pageInfo"]
        assert [edge["node"][document.key] for edge in value["edges"]] == [
            node[document.key] for node in value["nodes"]
        ]
        page = Paging(
            info["hasNextPage"],
            info["hasPreviousPage"],
            info["startCursor"],
            info["endCursor"],
            value.get("totalCount"),
        )
        return Outcome(value=value["nodes"], page=page, **common)


def written(
    document: Document, values: dict[str, Any], key: str | None, if_match: str | None
) -> tuple[str, dict[str, Any]]:
    """A document of one operation and its variables; only what is given is declared."""
    outer = {name: values.pop(name) for name in document.under_takes if name in values}
    declared: dict[str, str] = {name: document.under_takes[name] for name in outer}
    variables: dict[str, Any] = dict(outer)
    arguments: list[str] = []
    counted = bool(document.listed and values.pop("total", False))

    def take(name: str, kind: str, value: Any) -> None:
        declared[name] = kind
        variables[name] = value
        arguments.append(f"{name}: ${name}")

    given = {}
    for name, value in values.items():
        if name in document.takes:
            known = SORTS.get(value, value) if name == "sort" else value
            take(name, document.takes[name], known)
        else:
            given[name] = value
    if document.input and (given or document.input.endswith("!")):
        take("input", document.input, given)
    else:
        for name, value in given.items():  # what the field does not take, as any client may try
            take(name, "String", value)
    if key is not None:
        take("idempotencyKey", "String", key)
    if if_match is not None:
        take("ifMatch", "String", if_match)
    gives = document.gives + (" etag" if document.tagged else "")
    if document.listed:
        gives = (
            f"nodes {{ {gives} }} edges {{ cursor node {{ {document.key} }} }} "
            "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
            + (" totalCount" if counted else "")
        )
    field_text = f"{document.field}{_bracketed(arguments)}"
    if gives:
        field_text += f" {{ {gives} }}"
    if document.under:
        inside = _bracketed([f"{name}: ${name}" for name in outer])
        field_text = f"{document.under}{inside} {{ {field_text} }}"
    kind = "mutation" if document.field in _MUTATIONS else "query"
    kind = "subscription" if document.field == "events" else kind
    heads = _bracketed([f"${name}: {kind_}" for name, kind_ in declared.items()])
    return f"{kind} {heads} {{ {field_text} }}", variables


def _bracketed(parts: list[str]) -> str:
    return f"({', '.join(parts)})" if parts else ""


FACES = ("graphql", "v1", "v2")
DOORS = ("direct", *FACES)


def door_named(name: str, shop: Shop, client: httpx.AsyncClient | None) -> Door:
    """The door of a name."""
    if name == "direct":
        return Service(shop)
    assert client is not None
    return GraphQL(client) if name == "graphql" else Rest(client, name)
