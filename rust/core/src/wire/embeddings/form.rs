//! A request for embeddings, in the words of no dialect.
//!
//! Invariant: what only some dialects can say is optional, and [`Embed::leave_out`] names it where it is lost.

use std::borrow::Cow;

use crate::json::Weight;
use crate::wire::model::{Dropped, Refused};

/// Texts to be embedded, and how. Texts are borrowed from the body where they have no escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Embed<'a> {
    /// The model asked for.
    pub model: Cow<'a, str>,
    /// What is embedded, in the order of the answer's vectors. Only Ollama's callers may send nothing: that
    /// loads the model.
    pub inputs: Vec<Input<'a>>,
    /// Numbers of one vector; `None` leaves it to the model.
    pub dimensions: Option<u64>,
    /// How the caller wants the vectors.
    pub format: Format,
    /// Whether the end of a text that is too long is cut off; false makes it an error.
    pub truncate: Option<bool>,
    /// The end user, as the caller labels them.
    pub user: Option<Cow<'a, str>>,
    /// Members of the request that the decoder knows no meaning for, by name: dropped in another dialect.
    pub unknown: Vec<Cow<'a, str>>,
}

/// One thing to be embedded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input<'a> {
    /// The thing.
    pub content: Content<'a>,
    /// What its vector is for.
    pub task: Option<Task>,
    /// The title of the document that it is.
    pub title: Option<Cow<'a, str>>,
}

/// What is embedded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// Tokens by their numbers, in the model's own encoding.
    Tokens(Vec<u64>),
}

/// How vectors are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// As JSON numbers.
    #[default]
    Float,
    /// As base64 of little-endian 32-bit floats.
    Base64,
}

/// What a vector is for (Gemini's `TaskType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A query that looks for documents.
    RetrievalQuery,
    /// A document that is looked for.
    RetrievalDocument,
    /// Telling how alike texts are.
    SemanticSimilarity,
    /// Sorting texts into classes.
    Classification,
    /// Finding groups of texts.
    Clustering,
    /// A question that looks for answers.
    QuestionAnswering,
    /// A claim that looks for evidence.
    FactVerification,
    /// A query that looks for code.
    CodeRetrievalQuery,
}

impl Embed<'_> {
    /// Prompt tokens, estimated: four ASCII bytes or one other character each; token numbers are exact.
    #[must_use]
    pub fn estimate_tokens(&self) -> u64 {
        let mut text = Weight::default();
        let mut tokens = 0;
        for input in &self.inputs {
            match &input.content {
                Content::Text(said) => text.add(Weight::of(said)),
                Content::Tokens(numbers) => tokens += numbers.len() as u64,
            }
            input.title.iter().for_each(|title| text.add(Weight::of(title)));
        }
        (text.bytes - text.wide_bytes).div_ceil(4) + text.wide_chars + tokens
    }

    /// The texts, for a provider that knows nothing else.
    pub(super) fn texts(&self) -> Result<Vec<&str>, Refused> {
        let text = |input: &'_ Input<'_>| matches!(input.content, Content::Text(_));
        if !self.inputs.iter().all(text) {
            let message = "`input` must be text: this model's provider takes no token numbers.";
            return Err(unsupported("input", message));
        }
        Ok(self.inputs.iter().map(Input::text).collect())
    }

    /// Names the options that are set and not among `said`. `strict` tells that the provider refuses texts
    /// that are too long, as `truncate: false` asks.
    pub(super) fn leave_out(&self, said: &[&str], strict: bool, dropped: &mut Dropped) {
        let options = [
            ("dimensions", self.dimensions.is_some()),
            ("taskType", self.inputs.iter().any(|input| input.task.is_some())),
            ("title", self.inputs.iter().any(|input| input.title.is_some())),
            ("truncate", self.truncate.is_some_and(|cut| cut || !strict)),
            ("user", self.user.is_some()),
        ];
        for (name, set) in options {
            if set && !said.contains(&name) {
                dropped.note(name);
            }
        }
    }

    /// Checks the dimensions for a model whose vectors have one size: another size is another vector space,
    /// so dropping the wish would give an answer that fits nothing.
    pub(super) fn fixed_size(&self, size: u64) -> Result<(), Refused> {
        if self.dimensions.is_none_or(|asked| asked == size) {
            return Ok(());
        }
        let message = format!("`dimensions` must be {size} or left out: this model's vectors have one size.");
        Err(unsupported("dimensions", &message))
    }
}

impl<'a> Input<'a> {
    /// A text without anything else.
    #[must_use]
    pub fn of(text: impl Into<Cow<'a, str>>) -> Self {
        Self { content: Content::Text(text.into()), task: None, title: None }
    }

    fn text(&self) -> &str {
        match &self.content {
            Content::Text(text) => text,
            Content::Tokens(_) => "",
        }
    }
}

impl Task {
    const ALL: [(&'static str, Self); 8] = [
        ("RETRIEVAL_QUERY", Self::RetrievalQuery),
        ("RETRIEVAL_DOCUMENT", Self::RetrievalDocument),
        ("SEMANTIC_SIMILARITY", Self::SemanticSimilarity),
        ("CLASSIFICATION", Self::Classification),
        ("CLUSTERING", Self::Clustering),
        ("QUESTION_ANSWERING", Self::QuestionAnswering),
        ("FACT_VERIFICATION", Self::FactVerification),
        ("CODE_RETRIEVAL_QUERY", Self::CodeRetrievalQuery),
    ];

    /// The task of Gemini's name.
    pub(super) fn of_gemini(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|&(_, task)| task)
    }

    /// Its name in Gemini's words.
    pub(super) fn gemini(self) -> &'static str {
        Self::ALL.iter().find(|&&(_, task)| task == self).map_or("TASK_TYPE_UNSPECIFIED", |&(name, _)| name)
    }

    /// The task of Cohere's name.
    pub(super) fn of_cohere(name: &str) -> Option<Self> {
        Some(match name {
            "search_query" => Self::RetrievalQuery,
            "search_document" => Self::RetrievalDocument,
            "classification" => Self::Classification,
            "clustering" => Self::Clustering,
            _ => return None,
        })
    }

    /// Its name in Cohere's words; whatever looks for documents is a query there.
    pub(super) const fn cohere(self) -> Option<&'static str> {
        Some(match self {
            Self::RetrievalQuery
            | Self::QuestionAnswering
            | Self::FactVerification
            | Self::CodeRetrievalQuery => "search_query",
            Self::RetrievalDocument => "search_document",
            Self::Classification => "classification",
            Self::Clustering => "clustering",
            Self::SemanticSimilarity => return None,
        })
    }
}

/// What the provider cannot be asked for.
pub(super) fn unsupported(param: &str, message: &str) -> Refused {
    Refused { code: "unsupported_parameter", param: Some(param.to_owned()), message: message.to_owned() }
}
