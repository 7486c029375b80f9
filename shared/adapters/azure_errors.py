"""How an Azure SDK's error is described in our own texts. Its own text may name the caller or hold a URL."""

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.errors import StorageUnavailable

_NO_CONTAINER = {"ContainerNotFound", "ContainerBeingDeleted"}


def describe(error: AzureError) -> str:
    """Status and code, such as `HTTP 403 AuthorizationFailure`; or that there was no reply."""
    status = getattr(error, "status_code", None)
    if status is None:
        return f"no reply ({type(error).__name__})"
    code = str(getattr(error, "error_code", None) or getattr(getattr(error, "error", None), "code", None) or "")
    return f"HTTP {status} {code}" if code.isalnum() else f"HTTP {status}"


def require_container(error: ResourceNotFoundError) -> None:
    """Raise StorageUnavailable where the container is missing, not only a blob: then nothing is known of the blob."""
    if getattr(error, "error_code", None) in _NO_CONTAINER:
        raise StorageUnavailable("the accounts' container does not exist") from error
