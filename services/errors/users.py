"""Errors of users."""

from services.errors.base import TandemError


class EmailTaken(TandemError):
    code, status = "EMAIL_TAKEN", 409
    title = "This email has an account already."
    hint = "Sign in, or use another email."


class UsernameTaken(TandemError):
    code, status = "USERNAME_TAKEN", 409
    title = "This username is taken."
    hint = "Choose another username."


class UserNotFound(TandemError):
    """The user does not exist, or the account was deleted."""

    code, status = "USER_NOT_FOUND", 404
    title = "There is no such user."
    hint = "Check the id; the account may have been deleted."


class LastAdmin(TandemError):
    """Without this account nobody could administer the shop."""

    code, status = "LAST_ADMIN", 422
    title = "This is the last admin."
    hint = "Make somebody else an admin first."


class AccountNotEmpty(TandemError):
    code, status = "ACCOUNT_NOT_EMPTY", 422
    title = "The account still has money or open orders."
    hint = "Spend the money, and cancel the orders or wait for their end; details say what is left."
