//! A request on its way out: the caller's words, said in a provider's.
//!
//! Invariant: same dialect, same bytes, but for the model's name; so nothing here is asked then.

use headgate_core::wire::conversation::{self, Asked};
use headgate_core::wire::count;
use headgate_core::wire::embeddings::exchange::{self, Wish};
use headgate_core::wire::endpoint::{Dialect, Purpose};
use headgate_core::wire::manner::{self, Traits};
use headgate_core::wire::model::{Dropped, Refused};
use headgate_core::wire::openai::quirks::Quirks;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// What becomes of a request that cannot be said whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unsupported {
    Drop,
    Warn,
    Reject,
}

/// How one model of one provider is to be spoken to.
#[pyclass(frozen, module = "headgate._core")]
pub(crate) struct Manner {
    pub(crate) manner: manner::Manner,
    unsupported: Unsupported,
}

#[pymethods]
impl Manner {
    /// The model's name at the provider.
    #[getter]
    fn model(&self) -> &str {
        &self.manner.model
    }

    /// `traits` are names of the catalogue; `on_unsupported` is `drop`, `warn` or `reject`.
    #[new]
    #[expect(clippy::needless_pass_by_value, reason = "what Python gives is converted into a value of ours")]
    fn new(
        model: String,
        max_output_tokens: Option<u64>,
        traits: Vec<String>,
        on_unsupported: &str,
    ) -> PyResult<Self> {
        let (mut all, mut quirks) = (Traits::default(), Quirks::default());
        for name in &traits {
            match (Traits::named(name), Quirks::named(name)) {
                (Some(known), _) => all = all.with(known),
                (None, Some(known)) => quirks = quirks | known,
                (None, None) => return Err(PyValueError::new_err(format!("no trait {name:?}"))),
            }
        }
        let unsupported = match on_unsupported {
            "drop" => Unsupported::Drop,
            "warn" => Unsupported::Warn,
            "reject" => Unsupported::Reject,
            other => return Err(PyValueError::new_err(format!("on_unsupported is {other:?}"))),
        };
        Ok(Self { manner: manner::Manner { model, max_output_tokens, traits: all, quirks }, unsupported })
    }
}

/// A request in the provider's words.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) body: Vec<u8>,
    /// A header line that names what had no place, or nothing.
    pub(crate) dropped: Vec<u8>,
    /// The tool that stands for a form of the answer.
    pub(crate) json_tool: Option<&'static str>,
    /// What an answer of vectors is told by.
    pub(crate) wish: Option<Box<Wish>>,
}

/// Says a request in a provider's dialect.
pub(crate) fn say(asked: &Asked<'_>, to: Dialect, manner: &Manner) -> Result<Said, Refused> {
    match asked.endpoint.purpose() {
        Purpose::Conversation | Purpose::Completion => {
            let said = conversation::say(asked, to, &manner.manner)?;
            let dropped = manner.line(&said.dropped)?;
            Ok(Said { body: said.body, dropped, json_tool: said.json_tool, wish: None })
        }
        Purpose::Embedding => {
            let put = exchange::put(asked, to, &manner.manner.model)?;
            let dropped = manner.line(&put.dropped)?;
            Ok(Said { body: put.body, dropped, wish: Some(Box::new(put.wish)), ..Said::default() })
        }
        Purpose::Count => Ok(Said { body: count::put(asked, to, &manner.manner)?, ..Said::default() }),
    }
}

impl Manner {
    /// A header line for what had no place, or a refusal of it.
    pub(crate) fn line(&self, dropped: &Dropped) -> Result<Vec<u8>, Refused> {
        match self.unsupported {
            Unsupported::Drop => Ok(Vec::new()),
            Unsupported::Warn => Ok(dropped_line(dropped)),
            Unsupported::Reject => refuse_dropped(dropped),
        }
    }
}

fn refuse_dropped(dropped: &Dropped) -> Result<Vec<u8>, Refused> {
    let Some(first) = dropped.0.first() else { return Ok(Vec::new()) };
    let message = format!(
        "The model that serves this request has no place for {}. Leave it out, or ask for another model.",
        dropped.0.join(", ")
    );
    Err(Refused { code: "unsupported_parameter", param: Some(first.clone()), message })
}

fn dropped_line(dropped: &Dropped) -> Vec<u8> {
    let safe = |name: &&String| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    let names: Vec<&str> = dropped.0.iter().filter(safe).map(String::as_str).collect();
    if names.is_empty() {
        return Vec::new();
    }
    format!("x-headgate-dropped: {}\r\n", names.join(",")).into_bytes()
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Manner>()
}
