"""The settings of the HTTP server and of its processes; `Settings` contains them."""

from pydantic import Field

from services.settings.names import NamedSettings


class HttpSettings(NamedSettings):
    """Limits of requests and connections, and how server processes end."""

    request_seconds: float = Field(default=60, gt=0, description="Longest run of a request.")
    export_seconds: float = Field(
        default=900,
        gt=0,
        description="Longest run of an export; a longer file is cut off, and can be continued.",
    )
    export_link_seconds: int = Field(
        default=300, ge=1, description="Life of a signed link to an export."
    )
    body_bytes: int = Field(default=1_048_576, ge=1, description="Largest request body.")
    body_seconds: float = Field(
        default=20, gt=0, description="Longest wait for the whole body of a request."
    )
    keep_alive_seconds: int = Field(
        default=75, ge=1, description="Longest life of an idle connection; above balancers' 60."
    )
    drain_seconds: float = Field(
        default=5,
        ge=0,
        description="How long a server takes requests after SIGTERM, so that balancers notice.",
    )
    worker_mib: int = Field(
        default=0,
        ge=0,
        description="Memory of a server process (`--workers`) above which it is replaced; 0 never.",
    )
    hsts_subdomains: bool = Field(
        default=True, description="Strict-Transport-Security holds for subdomains too."
    )
    hsts_preload: bool = Field(
        default=False,
        description="Strict-Transport-Security asks browsers to build the domain in, for good. It"
        " needs subdomains, and a TANDEM_HSTS_SECONDS of a year or more.",
    )
    slow_request_seconds: float = Field(
        default=1, gt=0, description="A slower request is logged as a warning."
    )
