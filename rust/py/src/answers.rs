//! Answers and errors: bodies, header lines, and the echo model.

use headgate_core::wire::conversation::{self, Asked, Fault};
use headgate_core::wire::count;
use headgate_core::wire::endpoint::{Dialect, Shape};
use headgate_core::wire::kept;
use headgate_core::wire::manner::Manner;
use headgate_core::wire::openai::echo as echoes;
use headgate_core::wire::openai::request::Endpoint as Own;
use headgate_core::wire::openai::response::read_answer;
use headgate_core::wire::openai::stream::{Framing, Settings, StreamRelay, append, comment, end};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::dialect::{Origin, retell};
use crate::scan::{dialect_of, endpoint_of};
use crate::tokens::Tokenizer;

/// Prompt, completion, cached and reasoning tokens.
pub(crate) type UsageTuple = (u64, u64, u64, u64);

/// (type, param, code) of an error.
type Names<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

pub(crate) fn framing_of(chunked: bool) -> Framing {
    if chunked { Framing::Chunked } else { Framing::Raw }
}

#[pyfunction]
fn error_body<'py>(
    py: Python<'py>,
    dialect: &str,
    status: u16,
    message: &str,
    names: Names<'_>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (kind, param, code) = names;
    let body = conversation::error_body(dialect_of(dialect)?, &Fault { status, message, kind, param, code });
    Ok(PyBytes::new(py, &body))
}

#[pyfunction]
#[expect(clippy::type_complexity, reason = "a tuple is what crosses")]
fn read_error(
    body: &[u8],
    dialect: &str,
) -> PyResult<Option<(String, Option<String>, Option<String>, Option<String>)>> {
    let error = conversation::read_error(dialect_of(dialect)?, body);
    Ok(error.map(|error| (error.message, error.kind, error.param, error.code)))
}

/// Seconds that a provider's error asks to wait for, where its dialect says that in the body.
#[pyfunction]
fn retry_after_s(body: &[u8], dialect: &str) -> PyResult<Option<f64>> {
    Ok(conversation::retry_after_s(dialect_of(dialect)?, body))
}

/// The error that ends a stream, and the stream's end.
#[pyfunction]
fn stream_error<'py>(
    py: Python<'py>,
    endpoint: u8,
    chunked: bool,
    begun: bool,
    message: &str,
    names: (&str, &str),
) -> PyResult<Bound<'py, PyBytes>> {
    let fault = Fault { status: 0, message, kind: names.0, param: None, code: Some(names.1) };
    let mut payload = Vec::with_capacity(256);
    conversation::push_stream_error(endpoint_of(endpoint)?, &fault, begun, &mut payload);
    let mut out = Vec::with_capacity(payload.len() + 16);
    append(&payload, framing_of(chunked), &mut out);
    end(framing_of(chunked), &mut out);
    Ok(PyBytes::new(py, &out))
}

#[pyfunction]
fn keep_alive(py: Python<'_>, chunked: bool) -> Bound<'_, PyBytes> {
    let mut out = Vec::with_capacity(32);
    comment(framing_of(chunked), &mut out);
    PyBytes::new(py, &out)
}

/// A kept stream as it would have come.
#[pyfunction]
fn replay<'py>(
    py: Python<'py>,
    endpoint: u8,
    events: &[u8],
    chunked: bool,
    wants_usage: bool,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let (endpoint, framing) = (endpoint_of(endpoint)?, framing_of(chunked));
    let mut out = Vec::with_capacity(events.len() + 32);
    if endpoint.dialect() == Dialect::OpenAi {
        let settings = Settings { framing, client_wants_usage: wants_usage, done_required: true };
        StreamRelay::new(settings).feed(events, &mut out);
    } else if endpoint.shape() == Shape::Array {
        let Some(array) = kept::array(endpoint, events) else { return Ok(None) };
        append(&array, framing, &mut out);
    } else {
        append(events, framing, &mut out);
    }
    end(framing, &mut out);
    Ok(Some(PyBytes::new(py, &out)))
}

#[pyfunction]
fn stream_from_answer<'py>(
    py: Python<'py>,
    endpoint: u8,
    answer: &[u8],
    include_usage: bool,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let events = kept::stream_from_answer(endpoint_of(endpoint)?, answer, include_usage);
    Ok(events.map(|events| PyBytes::new(py, &events)))
}

#[pyfunction]
fn answer_from_stream<'py>(
    py: Python<'py>,
    endpoint: u8,
    events: &[u8],
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let answer = kept::answer_from_stream(endpoint_of(endpoint)?, events);
    Ok(answer.map(|answer| PyBytes::new(py, &answer)))
}

/// A count in the caller's dialect.
#[pyfunction]
fn count_body(py: Python<'_>, endpoint: u8, tokens: u64) -> PyResult<Bound<'_, PyBytes>> {
    Ok(PyBytes::new(py, &count::write(endpoint_of(endpoint)?, tokens)))
}

/// The echo model's answer and its usage.
#[pyfunction]
fn echo<'py>(
    py: Python<'py>,
    body: &[u8],
    endpoint: u8,
    model: Option<&str>,
    tokenizer: &Tokenizer,
) -> PyResult<Option<(Bound<'py, PyBytes>, UsageTuple)>> {
    let endpoint = endpoint_of(endpoint)?;
    let count = |text: &str, model: &str| tokenizer.count_text(text, model);
    let told = if let (Some(own), None) = (endpoint.openai(), model) {
        let prompt = |model: &str| tokenizer.count_prompt(body, endpoint, model);
        echoes::answer(body, own, prompt, count)
    } else {
        let asked = Asked { endpoint, body, model: model.unwrap_or_default() };
        let manner = Manner { model: model.unwrap_or_default().to_owned(), ..Manner::default() };
        conversation::say(&asked, Dialect::OpenAi, &manner).ok().and_then(|said| {
            let prompt = |model: &str| tokenizer.count_prompt(body, endpoint, model);
            echoes::answer(&said.body, Own::Chat, prompt, count)
        })
    };
    Ok(told.and_then(|answer| {
        let usage = read_answer(&answer).ok()?.usage.unwrap_or_default();
        let usage = (usage.prompt, usage.completion, usage.cached, usage.reasoning);
        let told = retell(Dialect::OpenAi, endpoint, &answer, None, &Origin::default());
        let body = told.and_then(|told| told.body);
        Some((PyBytes::new(py, &body.unwrap_or(answer)), usage))
    }))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(error_body, module)?)?;
    module.add_function(wrap_pyfunction!(read_error, module)?)?;
    module.add_function(wrap_pyfunction!(retry_after_s, module)?)?;
    module.add_function(wrap_pyfunction!(stream_error, module)?)?;
    module.add_function(wrap_pyfunction!(keep_alive, module)?)?;
    module.add_function(wrap_pyfunction!(replay, module)?)?;
    module.add_function(wrap_pyfunction!(stream_from_answer, module)?)?;
    module.add_function(wrap_pyfunction!(answer_from_stream, module)?)?;
    module.add_function(wrap_pyfunction!(count_body, module)?)?;
    module.add_function(wrap_pyfunction!(echo, module)?)
}
