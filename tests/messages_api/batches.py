"""Message batches: made at once, shown as finished after as many polls as the test wants."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.messages_api.errors import ApiError, invalid

MOST_REQUESTS = 100_000
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(slots=True)
class Batch:
    """One batch.

    Attributes:
        id: of the batch.
        results: one result for each request, by custom id.
        polls: how many more times it is shown as not finished.
    """

    id: str
    results: dict[str, dict[str, Any]]
    polls: int
    canceled: bool = False
    ended: bool = False
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    def poll(self) -> None:
        """Note that the client asked how it stands."""
        if self.polls <= 0:
            self.ended = True
        self.polls -= 1

    def cancel(self) -> None:
        """Stop what is not finished: all of it, or nothing."""
        if not self.ended:
            self.canceled = True
            self.results = {name: {"type": "canceled"} for name in self.results}

    def shown(self, base_url: str) -> dict[str, Any]:
        """The batch as the API shows it."""
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        for result in self.results.values():
            counts[result["type"] if self.ended else "processing"] += 1
        running = "canceling" if self.canceled else "in_progress"
        created = self.created.isoformat()
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": "ended" if self.ended else running,
            "request_counts": counts,
            "created_at": created,
            "expires_at": (self.created + timedelta(hours=24)).isoformat(),
            "ended_at": created if self.ended else None,
            "cancel_initiated_at": created if self.canceled else None,
            "archived_at": None,
            "results_url": (
                f"{base_url}/v1/messages/batches/{self.id}/results" if self.ended else None
            ),
        }

    def lines(self) -> bytes:
        """The results as JSON lines, last request first: their order promises nothing."""
        if not self.ended:
            raise ApiError(404, f"Batch {self.id} has no results yet")
        return b"".join(
            json.dumps({"custom_id": name, "result": result}).encode() + b"\n"
            for name, result in reversed(self.results.items())
        )


def check_batch(body: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The custom ids and parameters of a batch's requests.

    Raises:
        ApiError: 400 if the batch itself, not one of its requests, is malformed.
    """
    if unknown := sorted(body.keys() - {"requests", "user_profile_id", "workspace_id"}):
        raise invalid(f"{unknown[0]}: Extra inputs are not permitted")
    requests = body.get("requests")
    if not isinstance(requests, list) or not requests:
        raise invalid("requests: at least one request is required")
    if len(requests) > MOST_REQUESTS:
        raise invalid(f"requests: more than {MOST_REQUESTS} requests")
    found: dict[str, dict[str, Any]] = {}
    for index, request in enumerate(requests):
        where = f"requests.{index}"
        if not isinstance(request, dict) or not isinstance(request.get("params"), dict):
            raise invalid(f"{where}.params: Field required")
        name = request.get("custom_id")
        if not isinstance(name, str) or not _CUSTOM_ID.fullmatch(name):
            raise invalid(f"{where}.custom_id: should match pattern '^{_CUSTOM_ID.pattern}$'")
        if name in found:
            raise invalid(f"{where}.custom_id: '{name}' is used twice")
        found[name] = request["params"]
    return list(found.items())
