"""Errors of uploads, and of pictures made of them."""

from services.errors.base import FieldError, TandemError


class UploadNotFound(TandemError):
    """The upload does not exist, is somebody else's, was used already, or has expired."""

    code, status = "UPLOAD_NOT_FOUND", 404
    title = "There is no such upload."
    hint = "Declare the file again: an upload is used once, for its purpose, within 24 hours."


class UploadNotReady(TandemError):
    """The store does not have the file."""

    code, status = "UPLOAD_NOT_READY", 409
    title = "The file has not arrived yet."
    hint = "Send the file to the address of the upload, and then use the upload again."


class UploadQuotaSpent(TandemError):
    """The caller has declared as many bytes as a day allows."""

    code, status = "UPLOAD_QUOTA_SPENT", 429
    title = "The bytes that you may upload in a day are used up."
    hint = "Upload smaller files, or wait; details have the limit and what is used of it."


class UploadMismatch(TandemError):
    """The file that was sent is not the one that was declared."""

    code, status = "UPLOAD_MISMATCH", 403
    title = "This is not the file that was declared."
    hint = "Send the declared file with the headers of the upload, or declare this one."

    @classmethod
    def of(cls, field: str) -> "UploadMismatch":
        """The error of a file that differs in this field of its declaration."""
        message = "Send the file that was declared."
        return cls(fields=[FieldError(field, "MISMATCH", message)])


class ImageInvalid(TandemError):
    """The file is no picture that can be shown; ``details.reason`` says why."""

    code, status = "IMAGE_INVALID", 422
    title = "The picture cannot be used."
    hint = "Upload a still JPEG, PNG or WebP of at most 8,192 pixels a side and 40 megapixels."

    @classmethod
    def of(cls, reason: str) -> "ImageInvalid":
        """The error for a reason, one of `REASONS`."""
        fault = FieldError("uploadId", reason, REASONS[reason])
        return cls(REASONS[reason], fields=[fault], details={"reason": reason})


#: Why a picture is refused, and what to do about it.
REASONS = {
    "NOT_AN_IMAGE": "Upload a JPEG, PNG or WebP file.",
    "WRONG_TYPE": "Declare the media type that the file has.",
    "TOO_WIDE": "Upload a picture of at most 8,192 pixels a side.",
    "TOO_MANY_PIXELS": "Upload a picture of at most 40 megapixels.",
    "ANIMATED": "Upload a picture that does not move.",
    "DAMAGED": "Upload a whole picture; this one cannot be read to its end.",
    "TOO_COSTLY": "Upload a simpler picture; this one takes too much time or memory.",
}
