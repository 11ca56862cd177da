//! Counts tokens exactly as `o200k_base` and `cl100k_base` do.
//!
//! Invariant: the ids equal those of the published tokenizers for ordinary text
//! (`encode_ordinary`: text such as `<|endoftext|>` is text), checked against
//! js-tiktoken by the golden corpus and against bpe-openai in `rust/oracle`.
//! A tokenizer holds the bytes it was given and a few numbers, nothing else.

pub mod classes;
mod merge;
pub mod split;
pub mod table;

use merge::Scratch;
use table::{Header, Ranks};

pub use table::TableError;

/// A published vocabulary with its pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `o200k_base`: GPT-4o and all that came after.
    O200k,
    /// `cl100k_base`: GPT-4, GPT-3.5 and the embedding models.
    Cl100k,
}

impl Encoding {
    /// The number that names this encoding in a table's header.
    #[must_use]
    pub fn number(self) -> usize {
        match self {
            Self::O200k => 200,
            Self::Cl100k => 100,
        }
    }

    /// The encoding of an `OpenAI` model by its name, `o200k_base` for all others.
    ///
    /// The names are those of `tiktoken/model.py`; a fine-tune's `ft:` and a
    /// vendor path such as `openai/` are looked through.
    #[must_use]
    pub fn for_model(name: &str) -> Self {
        const NEWER: [&str; 3] = ["gpt-4o", "gpt-4.1", "gpt-4.5"];
        const CL100K: [&str; 6] =
            ["gpt-4", "gpt-3.5", "gpt-35", "text-embedding-3", "text-embedding-ada-002", "davinci-002"];
        let name = name.rsplit('/').next().unwrap_or(name);
        let name = name.strip_prefix("ft:").unwrap_or(name);
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
        if starts(&CL100K) && !starts(&NEWER) || name.starts_with("babbage-002") {
            Self::Cl100k
        } else {
            Self::O200k
        }
    }
}

/// A rank table with the pattern that belongs to it.
#[derive(Debug)]
pub struct Tokenizer<B> {
    encoding: Encoding,
    header: Header,
    file: B,
}

impl<B: AsRef<[u8]> + Send + Sync> Tokenizer<B> {
    /// Checks the bytes of a `.ranks` file and keeps them.
    ///
    /// # Errors
    /// Refuses a file that is cut, changed, of another version or of an unknown encoding.
    pub fn load(file: B) -> Result<Self, TableError> {
        let header = Header::check(file.as_ref())?;
        let known = [Encoding::O200k, Encoding::Cl100k];
        let encoding = known.into_iter().find(|encoding| encoding.number() == header.encoding);
        let encoding = encoding.ok_or(TableError::Header)?;
        Ok(Self { encoding, header, file })
    }

    /// Which encoding the table is of.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// How many tokens `text` has. Takes memory of its own only for what is not
    /// one token: a few hundred KiB at most, whatever the text's length.
    #[must_use]
    pub fn count(&self, text: &str) -> usize {
        let mut total = 0;
        self.each_piece(text, |ranks, piece, scratch| {
            total += match ranks.get(piece) {
                Some(_) => 1,
                None => merge::token_ends(&|text: &[u8]| ranks.get(text), piece, scratch).len(),
            };
        });
        total
    }

    /// Appends the token ids of `text` to `ids`.
    pub fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        self.each_piece(text, |ranks, piece, scratch| {
            if let Some(rank) = ranks.get(piece) {
                ids.push(rank);
                return;
            }
            let mut start = 0;
            for &end in merge::token_ends(&|text: &[u8]| ranks.get(text), piece, scratch) {
                ids.extend(piece.get(start..end).and_then(|token| ranks.get(token)));
                start = end;
            }
        });
    }

    #[inline]
    fn each_piece(&self, text: &str, mut take: impl FnMut(&Ranks<'_>, &[u8], &mut Scratch)) {
        let ranks = self.header.ranks(self.file.as_ref());
        let mut scratch = Scratch::default();
        let mut at = 0;
        while at < text.len() {
            let end = split::piece_end(self.encoding, text, at);
            let piece = text.as_bytes().get(at..end).unwrap_or_default();
            take(&ranks, piece, &mut scratch);
            at = end.max(at + 1);
        }
    }
}
