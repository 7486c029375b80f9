"""Turns the exceptions of the table's client into this application's."""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from shared.errors import StorageUnavailable


@contextmanager
def table_errors() -> Iterator[None]:
    """Conflicts and missing rows stay the SDK's own exceptions; everything else becomes StorageUnavailable."""
    try:
        yield
    except (ResourceExistsError, ResourceModifiedError):
        raise
    except ResourceNotFoundError as error:
        if getattr(error, "error_code", "") == "TableNotFound":
            raise StorageUnavailable("the ledger's table does not exist") from error
        raise
    except HttpResponseError as error:
        raise StorageUnavailable(f"the ledger answered {error.status_code}") from error
    except AzureError as error:
        raise StorageUnavailable(f"the ledger gave no answer ({type(error).__name__})") from error
