"""Errors of approvals.

TandemError
└── SelfApproval 403            one's own order is for somebody else to decide about
"""

from services.errors.common import TandemError


class SelfApproval(TandemError):
    """A manager decides about an order of their own."""

    code, status = "SELF_APPROVAL", 403
    title = "Nobody approves or rejects an order of their own."
    hint = "Ask another manager."
