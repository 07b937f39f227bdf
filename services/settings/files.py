"""Settings of uploads and of the store of files; `Settings` contains them."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct
from pydantic import AfterValidator, Field, SecretStr, model_validator

from services.settings.names import NamedSettings


class Bucket(Struct, frozen=True):
    """A bucket of an S3 server, and where in it Tandem's files are."""

    name: str
    #: Begins every key; "" or ending in a slash.
    prefix: str
    #: Address of the server, without a slash at the end.
    endpoint: str
    region: str


def bucket_of(url: str) -> Bucket | None:
    """The bucket that a URL names, or None for a URL of a folder; raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        if not folder_of(url).name or parts.netloc or parts.query:
            raise ValueError("must name a folder, such as file:/srv/tandem/files")
        return None
    if parts.scheme != "s3" or not parts.hostname or parts.hostname != parts.netloc.lower():
        raise ValueError("must be file:FOLDER or s3://BUCKET/PREFIX?region=…&endpoint=…")
    options = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    repeated = any(len(given) > 1 for given in options.values())
    if repeated or not options.keys() <= {"region", "endpoint"}:
        raise ValueError("takes the options region and endpoint, once each")
    region = options.get("region", ["us-east-1"])[0]
    endpoint = options.get("endpoint", [f"https://s3.{region}.amazonaws.com"])[0].rstrip("/")
    if urlsplit(endpoint).scheme not in ("http", "https") or not urlsplit(endpoint).hostname:
        raise ValueError("needs an endpoint of the form https://HOST")
    prefix = unquote(parts.path).strip("/")
    return Bucket(parts.netloc, f"{prefix}/" if prefix else "", endpoint, region)


def folder_of(url: str) -> Path:
    """The folder that a ``file:`` URL names; a relative one is below the working folder."""
    return Path(unquote(urlsplit(url).path))


def _known(url: str) -> str:
    bucket_of(url)
    return url


class FileSettings(NamedSettings):
    """Where files are stored, how much callers may upload, and what decoding a picture may take."""

    files_url: Annotated[str, AfterValidator(_known)] = Field(
        default="file:.tandem/files",
        description="The store of files: file:FOLDER, which all processes must share, or"
        " s3://BUCKET/PREFIX?region=…&endpoint=…; with `--data`, a folder below that.",
    )
    files_access_key: SecretStr | None = Field(
        default=None, description="The access key of the S3 server."
    )
    files_secret_key: SecretStr | None = Field(
        default=None, description="The secret key of the S3 server."
    )
    files_seconds: float = Field(default=10, gt=0, description="Longest call to the S3 server.")
    upload_seconds: float = Field(
        default=120, gt=0, description="Longest wait for the whole body of an uploaded file."
    )
    upload_quota_bytes: int = Field(
        default=1_073_741_824,
        ge=1,
        le=2_147_483_647,
        description="Bytes that a caller may upload in 24 hours.",
    )
    images_at_once: int = Field(
        default=2, ge=1, description="Pictures that a process decodes at one time."
    )
    image_seconds: int = Field(
        default=10, ge=1, description="CPU time that decoding a picture may take."
    )
    image_mib: int = Field(
        default=1024, ge=256, description="Memory (MiB) that decoding a picture may take."
    )

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        keys = (self.files_access_key, self.files_secret_key)
        if bucket_of(self.files_url) is not None and None in keys:
            raise ValueError(
                "An S3 server in TANDEM_FILES_URL needs TANDEM_FILES_ACCESS_KEY and"
                " TANDEM_FILES_SECRET_KEY"
            )
        return self
