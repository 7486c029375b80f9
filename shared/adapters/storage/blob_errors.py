"""Turns the exceptions of the blob service's client into this application's."""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob import StorageErrorCode

from shared.errors import (
    BlobArchived,
    BlobChanged,
    BlobGone,
    BlobKeyWithheld,
    BlobRefused,
    BlobTagsRefused,
    PageRefused,
    StorageUnavailable,
)

# The reason lies in the blob, the storage account or the identity and not in the moment: no retry helps.
_TAGS_REFUSED = {400, 401, 403, 409}
_REFUSALS: dict[str, tuple[type[BlobRefused], str]] = {
    "BlobArchived": (BlobArchived, "the blob is in the archive tier"),
    "BlobUsesCustomerSpecifiedEncryption": (BlobKeyWithheld, "the blob is encrypted under a key of its writer's"),
}


@contextmanager
def blob_errors() -> Iterator[None]:
    try:
        yield
    except ResourceNotFoundError as error:
        if error.error_code in {"ContainerNotFound", "ContainerBeingDeleted"}:  # type: ignore[attr-defined]
            raise StorageUnavailable("the container does not exist") from error
        raise BlobGone("there is no such blob") from error
    except HttpResponseError as error:
        code = _code(error)
        if code in _REFUSALS:
            refusal, text = _REFUSALS[code]
            raise refusal(text) from error
        # The service also answers 412 for a blob that another program has leased.
        if error.status_code == 412 and code != StorageErrorCode.LEASE_ID_MISSING.value:
            raise BlobChanged("the blob has another ETag by now") from error
        answer = f"answered {error.status_code} {code}".rstrip() if error.status_code else "broke off its answer"
        raise StorageUnavailable(f"blob storage {answer}") from error
    except AzureError as error:
        raise StorageUnavailable(f"blob storage gave no answer ({type(error).__name__})") from error


@contextmanager
def tag_errors() -> Iterator[None]:
    try:
        with blob_errors():
            yield
    except StorageUnavailable as error:
        cause = error.__cause__
        if isinstance(cause, HttpResponseError) and (
            cause.status_code in _TAGS_REFUSED or _code(cause) == StorageErrorCode.LEASE_ID_MISSING.value
        ):
            answer = f"{cause.status_code} {_code(cause)}".rstrip()
            raise BlobTagsRefused(f"blob storage answered {answer} to a request for tags") from error
        raise
    except BlobRefused as error:
        raise BlobTagsRefused(str(error)) from error


@contextmanager
def page_errors(page: str) -> Iterator[None]:
    """`blob_errors` for a listing that goes on from *page*; PageRefused where the service rejects the page."""
    try:
        with blob_errors():
            yield
    except StorageUnavailable as error:
        cause = error.__cause__
        if page and isinstance(cause, HttpResponseError) and cause.status_code == 400:
            raise PageRefused("blob storage does not know the page") from error
        raise


def _code(error: HttpResponseError) -> str:
    """The service's own error code; empty where the reply had none. The SDK gives some as members of an enum."""
    code = getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))
