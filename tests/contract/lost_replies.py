"""A connection on which the service applies a request, and its reply is lost."""

from typing import Any

from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport


class LostReplies(RequestsTransport):  # type: ignore[misc]  # the SDK ships no types for it
    """Applies requests of *method*, and loses the replies to the next *losses* of them."""

    def __init__(self, method: str, losses: int) -> None:
        super().__init__()
        self._method, self.losses = method, losses

    def send(self, request: Any, **kwargs: Any) -> Any:
        response = super().send(request, **kwargs)
        if request.method == self._method and self.losses:
            self.losses -= 1
            raise ServiceResponseError("the reply was lost")
        return response
