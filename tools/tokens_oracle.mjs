// Writes tests/golden/tokens/expected.json from js-tiktoken, which carries its
// own ranks: for each corpus file and encoding the number of tokens and the
// SHA-256 of the ids (little-endian u32 each).
//
//     npm install --prefix /tmp/oracle js-tiktoken
//     NODE_PATH=/tmp/oracle/node_modules node tools/tokens_oracle.mjs tests/golden/tokens
//
// JavaScript's \s knows U+FEFF and not U+0085, and its patterns do not fold
// U+017F after an apostrophe; the corpus has none of these, rust/oracle has.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(import.meta.url);
const { Tiktoken } = require("js-tiktoken/lite");
const folder = process.argv[2];
const encodings = { o200k: "o200k_base", cl100k: "cl100k_base" };

const expected = {};
for (const [name, ranks] of Object.entries(encodings)) {
  const tokenizer = new Tiktoken(require(`js-tiktoken/ranks/${ranks}`));
  for (const file of readdirSync(folder).filter((file) => file.endsWith(".txt")).sort()) {
    const text = readFileSync(join(folder, file), "utf8");
    const ids = Uint32Array.from(tokenizer.encode(text, [], []));
    const sha256 = createHash("sha256").update(Buffer.from(ids.buffer)).digest("hex");
    (expected[file] ??= {})[name] = { tokens: ids.length, sha256 };
  }
}
writeFileSync(join(folder, "expected.json"), JSON.stringify(expected, null, 2) + "\n");
