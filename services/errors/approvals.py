"""Errors of approvals."""

from services.errors.base import TandemError


class SelfApproval(TandemError):
    code, status = "SELF_APPROVAL", 403
    title = "Nobody approves or rejects an order of their own."
    hint = "Ask another manager to decide."
