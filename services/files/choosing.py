"""The choice of the store of files, by the settings."""

from services.files.store import FileStore
from services.settings.files import bucket_of, folder_of
from services.settings.settings import Settings


def new_store(settings: Settings) -> FileStore:
    """The store that the settings name; nothing is opened yet."""
    bucket = bucket_of(settings.files_url)
    if bucket is None:
        from services.files.local import LocalStore

        return LocalStore(folder_of(settings.files_url), settings.secrets, settings.public_url)
    from services.files.s3 import S3Store

    return S3Store(bucket, settings)
