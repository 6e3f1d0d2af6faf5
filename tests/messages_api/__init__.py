"""A loopback Messages API that keeps the service's rules and can fail in every way it can."""

from __future__ import annotations

from tests.messages_api import replies
from tests.messages_api.connection import ReceivedRequest
from tests.messages_api.models import MODELS, Model
from tests.messages_api.server import KEY, MessagesApi, ThreadedMessagesApi
from tests.messages_api.steps import (
    Disconnect,
    Event,
    Finish,
    Gate,
    Hang,
    Raw,
    Reply,
    Respond,
    RespondError,
    StreamError,
    Text,
    Thinking,
    ToolInput,
    ToolUse,
    Wait,
)

__all__ = [
    "KEY",
    "MODELS",
    "Disconnect",
    "Event",
    "Finish",
    "Gate",
    "Hang",
    "MessagesApi",
    "Model",
    "Raw",
    "ReceivedRequest",
    "Reply",
    "Respond",
    "RespondError",
    "StreamError",
    "Text",
    "Thinking",
    "ThreadedMessagesApi",
    "ToolInput",
    "ToolUse",
    "Wait",
    "replies",
]
