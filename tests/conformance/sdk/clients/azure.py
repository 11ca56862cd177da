"""The OpenAI SDK's client of Azure.

Source: github.com/openai/openai-python, README, Microsoft Azure OpenAI.
"""

from __future__ import annotations

import openai
from conformance.sdk.clients.openai_chat import OpenAIChat
from conformance.sdk.clients.openai_responses import OpenAIResponses

VERSION = "2025-03-01-preview"


class AzureChat(OpenAIChat):
    """Chat completions, by deployment."""

    def connect(self, root: str, key: str) -> openai.OpenAI:
        """`root` is the resource."""
        return openai.AzureOpenAI(
            azure_endpoint=root, api_key=key, api_version=VERSION, max_retries=0, timeout=8
        )


class AzureResponses(OpenAIResponses):
    """Responses, by model, at the address that has no versions."""

    def connect(self, root: str, key: str) -> openai.OpenAI:
        """`root` is the resource."""
        return openai.OpenAI(base_url=f"{root}/openai/v1", api_key=key, max_retries=0, timeout=8)
