"""The rank tables are the published vocabularies, read here by a reader of its own.

Invariant: a table written back in the form of OpenAI's ``.tiktoken`` files has the
SHA-256 that ``tiktoken_ext/openai_public.py`` states for that file. Token ids of text
are checked natively (``rust/core/tests/tokens.rs``) against the golden ids here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLES = ROOT / "python" / "headgate" / "data"
CORPUS = ROOT / "tests" / "golden" / "tokens"
HEADER_BYTES = 48
RAW_LIMIT_BYTES = 8 * 1024 * 1024
DEFLATED_LIMIT_BYTES = 5 * 1024 * 1024


class Vocabulary(NamedTuple):
    """What ``openai_public.py`` says of an encoding."""

    table: str
    tokens: int
    sha256: str


VOCABULARIES = [
    Vocabulary("o200k", 199_998, "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"),
    Vocabulary("cl100k", 100_256, "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"),
]


def read_table(path: Path) -> list[tuple[int, bytes]]:
    """All (rank, token) of a table, by rank; the format is in ``tokens/table.rs``."""
    file = path.read_bytes()
    magic, _checksum, tokens, slots, text_bytes = struct.unpack_from("<8sQ3I", file)
    assert magic == b"HGRANKS1"
    texts = file[HEADER_BYTES + 8 * slots :]
    assert len(texts) == text_bytes
    found = []
    for slot in struct.unpack_from(f"<{slots}Q", file, HEADER_BYTES):
        if slot:
            rank, offset, length = slot & 0x3FFFF, (slot >> 18) & 0x1FFFFF, (slot >> 39) & 0xFF
            found.append((rank, texts[offset : offset + length]))
    assert len(found) == tokens
    return sorted(found)


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda vocabulary: vocabulary.table)
def test_table_is_the_published_vocabulary(vocabulary: Vocabulary) -> None:
    ranks = read_table(TABLES / f"{vocabulary.table}.ranks")
    assert [rank for rank, _ in ranks] == list(range(vocabulary.tokens))
    lines = (base64.b64encode(token) + f" {rank}\n".encode() for rank, token in ranks)
    assert hashlib.sha256(b"".join(lines)).hexdigest() == vocabulary.sha256


def test_tables_fit_the_wheel() -> None:
    files = [path.read_bytes() for path in sorted(TABLES.glob("*.ranks"))]
    assert len(files) == len(VOCABULARIES)
    assert sum(map(len, files)) <= RAW_LIMIT_BYTES
    assert sum(len(zlib.compress(file, 6)) for file in files) <= DEFLATED_LIMIT_BYTES


def test_every_corpus_file_has_its_golden_ids() -> None:
    expected = json.loads((CORPUS / "expected.json").read_text())
    assert sorted(expected) == sorted(path.name for path in CORPUS.glob("*.txt"))
    assert all(set(encodings) == {"o200k", "cl100k"} for encodings in expected.values())
