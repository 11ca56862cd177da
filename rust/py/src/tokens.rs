//! Exact token counts over rank tables that all workers map.

use std::path::Path;

use headgate_core::tokens::{Encoding, Tokenizer as Ranks};
use headgate_core::wire::endpoint::Endpoint;
use headgate_core::wire::scan;
use headgate_ledger::MappedFile;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

/// Both encodings.
#[pyclass(frozen, module = "headgate._core")]
pub(crate) struct Tokenizer {
    o200k: Ranks<MappedFile>,
    cl100k: Ranks<MappedFile>,
}

fn load(path: &str) -> PyResult<Ranks<MappedFile>> {
    let file =
        MappedFile::open(Path::new(path)).map_err(|error| PyOSError::new_err(format!("{path}: {error}")))?;
    Ranks::load(file).map_err(|error| PyOSError::new_err(format!("{path}: {error}")))
}

impl Tokenizer {
    fn ranks(&self, encoding: Encoding) -> &Ranks<MappedFile> {
        match encoding {
            Encoding::O200k => &self.o200k,
            Encoding::Cl100k => &self.cl100k,
        }
    }

    /// Tokens of one text.
    pub(crate) fn count_text(&self, text: &str, model: &str) -> u64 {
        self.count_as(text, Encoding::for_model(model))
    }

    /// Tokens of one text in a known encoding.
    pub(crate) fn count_as(&self, text: &str, encoding: Encoding) -> u64 {
        self.ranks(encoding).count(text) as u64
    }

    /// Tokens of a request's prompt: every text by itself, and the framing that estimates add.
    pub(crate) fn count_prompt(&self, body: &[u8], endpoint: Endpoint, model: &str) -> u64 {
        let ranks = self.ranks(Encoding::for_model(model));
        let (mut total, mut text) = (0, String::new());
        let walked = scan::prompt_text(body, endpoint, |piece| {
            if let Some(piece) = piece {
                text.push_str(piece);
            } else {
                total += ranks.count(&text) as u64;
                text.clear();
            }
        });
        total += ranks.count(&text) as u64;
        total + walked.unwrap_or_default()
    }
}

#[pymethods]
impl Tokenizer {
    #[new]
    fn new(o200k_path: &str, cl100k_path: &str) -> PyResult<Self> {
        Ok(Self { o200k: load(o200k_path)?, cl100k: load(cl100k_path)? })
    }

    fn count(&self, py: Python<'_>, text: &str, model: &str) -> u64 {
        py.detach(|| self.count_text(text, model))
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Tokenizer>()
}
