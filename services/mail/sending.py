"""Send a mail: one plain text to one address, through a mail server or into a folder.

Only jobs send mails: they run outside every transaction and try again when sending fails.
"""

import asyncio
import os
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiosmtplib
from msgspec import Struct

from services.emails import ascii_domain
from services.jobs.queue import DoNotRetry
from services.settings.settings import Settings


class Mail(Struct, frozen=True):
    """The text of a mail, and the address it goes to."""

    to: str
    subject: str
    text: str


async def send(settings: Settings, mail: Mail, id: str, now: datetime) -> None:
    """Send a mail; ``id`` becomes its Message-ID and is the same in every attempt.

    Raises `DoNotRetry` when the address is invalid or refused, any other error when a later
    attempt may succeed.
    """
    message = compose(settings, mail, id, now)
    if settings.smtp_url is not None:
        await _deliver(settings, settings.smtp_url.get_secret_value(), message)
    else:
        await asyncio.to_thread(_store, settings.mail_folder, id, message)


def compose(settings: Settings, mail: Mail, id: str, now: datetime) -> EmailMessage:
    """Build the message of a mail; raises `DoNotRetry` when the address is invalid."""
    message = EmailMessage(policy=SMTP if mail.to.isascii() else SMTPUTF8)
    message["From"] = settings.mail_from
    message["To"] = _address(mail.to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{id}@{message['From'].addresses[0].domain}>"
    message["Auto-Submitted"] = "auto-generated"
    # ASCII text is not re-encoded, so that a person can copy a link out of the raw file.
    message.set_content(mail.text, cte="7bit" if mail.text.isascii() else None)
    return message


def _address(text: str) -> Address:
    """Build an address from its parts, so that no text is read as two addresses or as a header."""
    user, _, domain = text.rpartition("@")
    try:
        address = Address(username=user, domain=ascii_domain(domain) or "")
    except ValueError:
        address = None
    if not address or not user or not address.domain:
        raise DoNotRetry("no address")
    return address


async def _deliver(settings: Settings, url: str, message: EmailMessage) -> None:
    server = urlsplit(url)
    secure = server.scheme == "smtps"
    try:
        await aiosmtplib.send(
            message,
            sender=message["From"].addresses[0].addr_spec,
            recipients=[message["To"].addresses[0].addr_spec],
            hostname=server.hostname,
            port=server.port or (465 if secure else 587),
            username=unquote(server.username) if server.username else None,
            password=unquote(server.password) if server.password else None,
            use_tls=secure,
            # A password requires STARTTLS: an attacker on the network can hide that it is offered.
            start_tls=None if secure or not server.password else True,
            timeout=settings.smtp_seconds,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        if all(refusal.code >= 500 for refusal in error.recipients):
            raise DoNotRetry("recipient refused") from None
        raise


def _store(folder: Path, id: str, message: EmailMessage) -> None:
    """Write the mail to a temporary file and rename it, so that readers never see half a mail."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = folder / f".{id}.new"
    with open(new, "wb", opener=_open_private) as file:
        file.write(message.as_bytes())
    new.replace(folder / f"{id}.eml")


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
