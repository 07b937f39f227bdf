"""Styles, scripts and fonts of the pages.

``assets/`` has our own files. ``vendor/`` has packages of others, which `./scripts/setup pages`
brings; the pages say so where they are missing.
"""

from pathlib import Path

from starlette.routing import Route

from api.pages.serving import document

#: Packages of others, as `./scripts/setup pages` leaves them.
VENDOR = Path(__file__).parent / "vendor"
#: Folders by the address of their files.
_FOLDERS = {
    "/assets": Path(__file__).parent / "assets",
    "/assets/vendor": VENDOR,
}
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


def asset_routes() -> list[Route]:
    """A route of every file, which is read when it is first asked for."""
    return [
        document(
            f"{address}/{path.relative_to(folder).as_posix()}",
            path.read_bytes,
            _MEDIA_TYPES[path.suffix],
        )
        for address, folder in _FOLDERS.items()
        for path in sorted(folder.rglob("*"))
        if path.suffix in _MEDIA_TYPES
    ]
