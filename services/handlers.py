"""The table of jobs: what a worker does for every name that is queued."""

from services import mail
from services.core.jobs import Handler

HANDLERS: dict[str, Handler] = {
    "mail.verifyEmail": mail.verify_email,
    "mail.resetPassword": mail.reset_password,
}
