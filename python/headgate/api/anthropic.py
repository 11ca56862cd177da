"""The Anthropic dialect: Messages, and how many tokens they have.

Source: docs.anthropic.com/en/api/messages, /en/api/messages-count-tokens.
"""

from blacksheep import Application

from headgate.api.answers import serving
from headgate.exchange import COUNT_MESSAGES, MESSAGES
from headgate.pipeline import Pipeline

KEY = b"x-api-key"


def register(app: Application, pipeline: Pipeline) -> None:
    """Add the dialect's endpoints to the application."""
    app.router.add_post("/v1/messages", serving(pipeline, MESSAGES, KEY))
    app.router.add_post("/v1/messages/count_tokens", serving(pipeline, COUNT_MESSAGES, KEY))
