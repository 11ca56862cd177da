"""A secret shows itself to nobody who does not ask.

Invariant: `reveal` is the only way to the text; `repr`, `str`, `format`, dumps and pickling give the mask or
fail.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, NoReturn

from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

MASK = "****"


class Secret:
    """Text that masks itself."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = str(text)

    def reveal(self) -> str:
        """The text itself: only for a header that is sent or a hash that is kept."""
        return self._text

    def digest(self) -> str:
        """SHA-256 of the text's UTF-8, as 64 hex digits."""
        return hashlib.sha256(self._text.encode("utf-8", "surrogatepass")).hexdigest()

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._text)

    def __len__(self) -> int:
        return len(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.digest(), other.digest())

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        message = "a Secret is not pickled"
        raise TypeError(message)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Accept text in a document; give the mask to every dump."""
        del source, handler
        return core_schema.no_info_before_validator_function(
            lambda value: value.reveal() if isinstance(value, Secret) else value,
            core_schema.no_info_after_validator_function(cls, core_schema.str_schema(strict=True)),
            serialization=core_schema.plain_serializer_function_ser_schema(
                str, return_schema=core_schema.str_schema()
            ),
        )
