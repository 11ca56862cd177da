"""What a vendor is, as rows of data: a new OpenAI-compatible vendor is one row.

Invariant: a row holds only what the vendor's own page says; that page is `source`. No row imports anything.
"""

from __future__ import annotations

from typing import NamedTuple


class Vendor(NamedTuple):
    """A type of provider.

    `base_url` None must be configured. `env` names the variable that makes the provider in a configuration
    without `providers`; `env_is_host` says that it holds an address instead of a key. `prefixes` are the
    patterns of the vendor's own models, empty where it hosts the models of others. `dialect` is what it
    speaks, `headers` what every request of its has besides the key.
    """

    type: str
    title: str
    base_url: str | None
    source: str
    kind: str = "http"
    env: str | None = None
    env_is_host: bool = False
    needs_key: bool = True
    auth_header: str = "Authorization"
    auth_scheme: str = "Bearer "
    prefixes: tuple[str, ...] = ()
    stream_usage: bool = True
    dialect: str = "openai"
    headers: tuple[tuple[str, str], ...] = ()


_ROWS = (
    Vendor(
        "openai",
        "OpenAI",
        "https://api.openai.com/v1",
        "https://platform.openai.com/docs/api-reference/authentication",
        env="OPENAI_API_KEY",
        prefixes=("gpt-*", "o*", "chatgpt-*", "text-embedding-*"),
    ),
    Vendor(
        "anthropic",
        "Anthropic",
        "https://api.anthropic.com/v1",
        "https://docs.anthropic.com/en/api/messages",
        env="ANTHROPIC_API_KEY",
        auth_header="x-api-key",
        auth_scheme="",
        prefixes=("claude-*",),
        dialect="anthropic",
        headers=(("anthropic-version", "2023-06-01"),),
    ),
    Vendor(
        "gemini",
        "Google Gemini",
        "https://generativelanguage.googleapis.com/v1beta",
        "https://ai.google.dev/api",
        env="GEMINI_API_KEY",
        auth_header="x-goog-api-key",
        auth_scheme="",
        prefixes=("gemini-*",),
        dialect="gemini",
    ),
    Vendor(
        "azure",
        "Azure OpenAI",
        None,
        "https://learn.microsoft.com/azure/ai-foundry/openai/reference",
        env="AZURE_OPENAI_API_KEY",
    ),
    Vendor(
        "vertex",
        "Gemini on Google Vertex AI",
        None,
        "https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
        needs_key=False,
        dialect="gemini",
    ),
    Vendor(
        "bedrock",
        "AWS Bedrock (Converse)",
        None,
        "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html",
        needs_key=False,
        dialect="bedrock",
    ),
    Vendor(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        "https://openrouter.ai/docs/api-reference/overview",
        env="OPENROUTER_API_KEY",
        prefixes=("openrouter/*",),
    ),
    Vendor(
        "groq",
        "Groq",
        "https://api.groq.com/openai/v1",
        "https://console.groq.com/docs/openai",
        env="GROQ_API_KEY",
        prefixes=("groq/*",),
    ),
    Vendor(
        "together",
        "Together AI",
        "https://api.together.xyz/v1",
        "https://docs.together.ai/docs/openai-api-compatibility",
        env="TOGETHER_API_KEY",
    ),
    Vendor(
        "mistral",
        "Mistral AI",
        "https://api.mistral.ai/v1",
        "https://docs.mistral.ai/api/",
        env="MISTRAL_API_KEY",
        prefixes=("mistral-*", "ministral-*", "magistral-*", "devstral-*", "codestral-*", "pixtral-*"),
        # It answers 422 to stream_options (github.com/avante-corp/avante.nvim/issues/2347) and sends usage
        # unasked.
        stream_usage=False,
    ),
    Vendor(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com/v1",
        "https://api-docs.deepseek.com/",
        env="DEEPSEEK_API_KEY",
        prefixes=("deepseek-*",),
    ),
    Vendor(
        "fireworks",
        "Fireworks AI",
        "https://api.fireworks.ai/inference/v1",
        "https://docs.fireworks.ai/tools-sdks/openai-compatibility",
        env="FIREWORKS_API_KEY",
        prefixes=("accounts/fireworks/*",),
    ),
    Vendor(
        "perplexity",
        "Perplexity",
        "https://api.perplexity.ai",
        "https://docs.perplexity.ai/guides/chat-completions-guide",
        env="PERPLEXITY_API_KEY",
        prefixes=("sonar*",),
        # Every chunk carries usage without being asked.
        stream_usage=False,
    ),
    Vendor(
        "xai",
        "xAI",
        "https://api.x.ai/v1",
        "https://docs.x.ai/docs/api-reference",
        env="XAI_API_KEY",
        prefixes=("grok-*",),
    ),
    Vendor(
        "cerebras",
        "Cerebras",
        "https://api.cerebras.ai/v1",
        "https://inference-docs.cerebras.ai/resources/openai",
        env="CEREBRAS_API_KEY",
    ),
    Vendor(
        "nvidia",
        "NVIDIA NIM",
        "https://integrate.api.nvidia.com/v1",
        "https://docs.api.nvidia.com/nim/reference/llm-apis",
        env="NVIDIA_API_KEY",
    ),
    Vendor(
        "deepinfra",
        "DeepInfra",
        "https://api.deepinfra.com/v1/openai",
        "https://deepinfra.com/docs/openai_api",
        env="DEEPINFRA_API_KEY",
    ),
    Vendor(
        "sambanova",
        "SambaNova",
        "https://api.sambanova.ai/v1",
        "https://docs.sambanova.ai/cloud/docs/capabilities/openai-compatibility",
        env="SAMBANOVA_API_KEY",
    ),
    Vendor(
        "moonshot",
        "Moonshot AI",
        "https://api.moonshot.ai/v1",
        "https://platform.moonshot.ai/docs/introduction",
        env="MOONSHOT_API_KEY",
        prefixes=("kimi-*", "moonshot-*"),
    ),
    Vendor(
        "zhipu",
        "Zhipu AI (BigModel)",
        "https://open.bigmodel.cn/api/paas/v4",
        "https://docs.bigmodel.cn/cn/guide/develop/openai/introduction",
        env="ZHIPUAI_API_KEY",
        prefixes=("glm-*",),
    ),
    Vendor(
        "dashscope",
        "Alibaba Cloud Model Studio",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        "https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope",
        env="DASHSCOPE_API_KEY",
        prefixes=("qwen*", "qwq-*"),
    ),
    Vendor(
        "hyperbolic",
        "Hyperbolic",
        "https://api.hyperbolic.xyz/v1",
        "https://docs.hyperbolic.xyz/docs/rest-api",
        env="HYPERBOLIC_API_KEY",
    ),
    Vendor(
        "novita",
        "Novita AI",
        "https://api.novita.ai/openai/v1",
        "https://novita.ai/docs/guides/llm-api",
        env="NOVITA_API_KEY",
    ),
    Vendor(
        "vllm",
        "vLLM",
        "http://127.0.0.1:8000/v1",
        "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        needs_key=False,
    ),
    Vendor(
        "llamacpp",
        "llama.cpp",
        "http://127.0.0.1:8080/v1",
        "https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
        needs_key=False,
    ),
    Vendor(
        "lmstudio",
        "LM Studio",
        "http://127.0.0.1:1234/v1",
        "https://lmstudio.ai/docs/app/api/endpoints/openai",
        needs_key=False,
    ),
    Vendor(
        "ollama",
        "Ollama",
        "http://127.0.0.1:11434/v1",
        "https://github.com/ollama/ollama/blob/main/docs/openai.md",
        env="OLLAMA_HOST",
        env_is_host=True,
        needs_key=False,
        # A local model may have any name; the shortest pattern leaves every other provider its own.
        prefixes=("*",),
    ),
    Vendor(
        "sglang",
        "SGLang",
        "http://127.0.0.1:30000/v1",
        "https://docs.sglang.ai/basic_usage/openai_api_completions.html",
        needs_key=False,
    ),
    Vendor(
        "tgi",
        "Text Generation Inference",
        None,
        "https://huggingface.co/docs/text-generation-inference/messages_api",
        needs_key=False,
    ),
    Vendor(
        "localai",
        "LocalAI",
        "http://127.0.0.1:8080/v1",
        "https://localai.io/basics/getting_started/",
        needs_key=False,
    ),
    Vendor(
        "openai_compatible",
        "any OpenAI-compatible server",
        None,
        "https://platform.openai.com/docs/api-reference",
        needs_key=False,
    ),
    Vendor(
        "echo",
        "the built-in echo model",
        None,
        "docs/reference/configuration.md",
        kind="echo",
        needs_key=False,
        prefixes=("echo",),
    ),
)

CATALOG: dict[str, Vendor] = {row.type: row for row in _ROWS}

NOT_YET = ("cohere",)
"""Types that other gateways have and this one does not speak yet."""
