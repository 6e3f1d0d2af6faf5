"""Errors in the API's own shape."""

from __future__ import annotations

from typing import Any

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    409: "conflict_error",
    411: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    431: "invalid_request_error",
    500: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""The `error.type` that goes with each status."""


def status_of(error_type: str) -> int:
    """The status that goes with an error type; 500 for an unknown one."""
    return next((status for status, name in ERROR_TYPES.items() if name == error_type), 500)


def error_body(
    error_type: str, message: str, request_id: str, details: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The body of an error response."""
    error: dict[str, Any] = {"type": error_type, "message": message}
    if details is not None:
        error["details"] = details
    return {"type": "error", "error": error, "request_id": request_id}


class ApiError(Exception):
    """The server refuses a request.

    Attributes:
        status: of the response.
        message: what is wrong, naming the parameter as the service does.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    @property
    def type(self) -> str:
        """The `error.type` of the body."""
        return ERROR_TYPES[self.status]


def invalid(message: str) -> ApiError:
    """A 400 with this message."""
    return ApiError(400, message)
