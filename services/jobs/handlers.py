"""The table of jobs: the handler of each name, the limits and lanes of some, and the schedules."""

from services.audit import chain as audit_chain
from services.deposits import provider_events as deposits_provider_events
from services.events import keeping as events_keeping
from services.invoices import issuing as invoices_issuing
from services.jobs import retention, unfinished
from services.jobs.lanes import Lane
from services.jobs.queue import Handler
from services.jobs.schedules import Schedules
from services.mail import accounts as mail_accounts
from services.mail import content as mail_content
from services.mail import orders as mail_orders
from services.orders import managing as orders_managing
from services.posts import scoring as posts_scoring
from services.search import reindexing
from services.uploads import sweeping as uploads_sweeping

HANDLERS: dict[str, Handler] = {
    "access.forgetOld": retention.forget_access,
    "audit.seal": audit_chain.seal_new,
    "deposits.charge": deposits_provider_events.charge,
    "events.keepDays": events_keeping.keep_days,
    "invoices.credit": invoices_issuing.issue_credit_note,
    "invoices.issue": invoices_issuing.issue_invoice,
    "invoices.render": invoices_issuing.render_invoice,
    "jobs.forgetOld": retention.forget_jobs,
    "jobs.queueAgain": unfinished.queue_again,
    "mail.commentRemoved": mail_content.comment_removed,
    "mail.emailChanging": mail_accounts.email_changing,
    "mail.orderPaid": mail_orders.order_paid,
    "mail.orderPlaced": mail_orders.order_placed,
    "mail.orderRefunded": mail_orders.order_refunded,
    "mail.orderShipped": mail_orders.order_shipped,
    "mail.postUnpublished": mail_content.post_unpublished,
    "mail.verifyEmail": mail_accounts.verify_email,
    "mail.resetPassword": mail_accounts.reset_password,
    "orders.expire": orders_managing.expire_due,
    "search.reindex": reindexing.reindex_new,
    "posts.score": posts_scoring.refresh_scores,
    "uploads.deleteFiles": uploads_sweeping.delete_files,
    "uploads.sweep": uploads_sweeping.sweep,
}
#: How many jobs of a name run at one time, over all workers. Every worker must have the same
#: numbers. A name that is not here is limited only by each worker's own concurrency.
AT_ONCE: dict[str, int] = {
    # A provider that does not answer would otherwise fill every worker with waiting jobs.
    "deposits.charge": 4,
}
#: The seconds between two jobs of a name that is queued at intervals. These jobs have no data.
SCHEDULES: Schedules = {
    "access.forgetOld": lambda _: 3600,
    "audit.seal": lambda settings: settings.audit_seal_seconds,
    "events.keepDays": lambda _: 3600,
    "jobs.forgetOld": lambda _: 3600,
    "jobs.queueAgain": lambda _: 86_400,
    "orders.expire": lambda settings: settings.expiry_seconds,
    "search.reindex": lambda _: 300,
    "posts.score": lambda settings: settings.scores_seconds,
    "uploads.sweep": lambda _: 600,
}
#: The lanes of every worker; the jobs that are in none of them share one more.
LANES: tuple[Lane, ...] = (
    # Each of these jobs runs once at a time, so each has a place, and a second one in reserve.
    Lane("scheduled", frozenset(SCHEDULES), 2 * len(SCHEDULES)),
    # A worker makes one PDF at a time. The other places keep it busy between two looks.
    Lane("pdf", frozenset({"invoices.render"}), 4),
)
