"""What production refuses to start with: secrets that everybody knows, and doors left open."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.settings import Settings

DEVELOPMENT_SECRET = "development-secret-never-use-this-in-production"  # noqa: S105
DEVELOPMENT_WEBHOOK_SECRET = "whsec_ZGV2ZWxvcG1lbnQtc2VjcmV0LW5ldmVyLXVzZS10aGlzLQ=="  # noqa: S105


def broken_rules(settings: "Settings") -> list[str]:
    """Every rule that the settings break, as the operator is told."""
    wrong = {
        "TANDEM_SECRET, and those before it, must be your own": (
            DEVELOPMENT_SECRET in settings.every_secret
        ),
        # Links to files, to pages and to errors begin with it.
        "TANDEM_PUBLIC_URL must say where callers reach this API": (
            "public_url" not in settings.model_fields_set
        ),
        "TANDEM_PROVIDER must say who takes the money": (
            "provider" not in settings.model_fields_set
        ),
        "TANDEM_PROVIDER_WEBHOOK_SECRET must be one of your own": (
            settings.provider_webhook_secret.get_secret_value() == DEVELOPMENT_WEBHOOK_SECRET
        ),
        "TANDEM_CORS_ORIGINS must name its origins": "*" in settings.cors_origins,
        "TANDEM_DEBUG must be off": settings.debug,
        # A folder is as good as a mail server when somebody says so: nobody reads it unasked.
        "TANDEM_SMTP_URL must name a mail server (or TANDEM_MAIL_FOLDER a folder)": (
            settings.smtp_url is None and "mail_folder" not in settings.model_fields_set
        ),
        "TANDEM_MAIL_FROM must be an address of yours": (
            settings.smtp_url is not None and "mail_from" not in settings.model_fields_set
        ),
        # Invoices cannot be changed afterwards.
        "TANDEM_SELLER_NAME and TANDEM_SELLER_ADDRESS must say who sells": (
            not {"seller_name", "seller_address"} <= settings.model_fields_set
        ),
    }
    return [rule for rule in wrong if wrong[rule]]
