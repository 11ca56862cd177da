//! Answers and errors: bodies, header lines, and the echo model.

use headgate_core::wire::openai::stream::{
    ErrorText, Framing, Settings, StreamRelay, comment, end, error_tail,
};
use headgate_core::wire::openai::{echo as echoes, error, replay as replays, response};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::scan::endpoint_of;
use crate::tokens::Tokenizer;

/// Prompt, completion, cached and reasoning tokens.
pub(crate) type UsageTuple = (u64, u64, u64, u64);

pub(crate) fn framing_of(chunked: bool) -> Framing {
    if chunked { Framing::Chunked } else { Framing::Raw }
}

#[pyfunction]
fn error_body<'py>(
    py: Python<'py>,
    message: &str,
    r#type: &str,
    param: Option<&str>,
    code: Option<&str>,
) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &error::error_body(message, r#type, param, code))
}

#[pyfunction]
fn read_error(body: &[u8]) -> Option<String> {
    error::read_error(body).map(|error| error.message)
}

#[pyfunction]
fn stream_error<'py>(
    py: Python<'py>,
    chunked: bool,
    message: &str,
    r#type: &str,
    code: &str,
) -> Bound<'py, PyBytes> {
    let mut out = Vec::with_capacity(256);
    error_tail(framing_of(chunked), &ErrorText { message, kind: r#type, code }, &mut out);
    PyBytes::new(py, &out)
}

#[pyfunction]
fn keep_alive(py: Python<'_>, chunked: bool) -> Bound<'_, PyBytes> {
    let mut out = Vec::with_capacity(32);
    comment(framing_of(chunked), &mut out);
    PyBytes::new(py, &out)
}

/// A kept stream through the same relay as a live one.
#[pyfunction]
fn replay<'py>(py: Python<'py>, events: &[u8], chunked: bool, wants_usage: bool) -> Bound<'py, PyBytes> {
    let framing = framing_of(chunked);
    let mut relay =
        StreamRelay::new(Settings { framing, client_wants_usage: wants_usage, done_required: true });
    let mut out = Vec::with_capacity(events.len() + 32);
    relay.feed(events, &mut out);
    end(framing, &mut out);
    PyBytes::new(py, &out)
}

#[pyfunction]
fn stream_from_answer<'py>(
    py: Python<'py>,
    answer: &[u8],
    include_usage: bool,
) -> Option<Bound<'py, PyBytes>> {
    replays::stream_from_answer(answer, include_usage).map(|events| PyBytes::new(py, &events))
}

#[pyfunction]
fn answer_from_stream<'py>(py: Python<'py>, events: &[u8]) -> Option<Bound<'py, PyBytes>> {
    replays::answer_from_events(events).map(|answer| PyBytes::new(py, &answer))
}

#[pyfunction]
fn read_usage(answer: &[u8]) -> Option<UsageTuple> {
    let usage = response::read_answer(answer).ok()?.usage?;
    Some((usage.prompt, usage.completion, usage.cached, usage.reasoning))
}

#[pyfunction]
fn echo<'py>(
    py: Python<'py>,
    body: &[u8],
    endpoint: u8,
    tokenizer: &Tokenizer,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let endpoint = endpoint_of(endpoint)?;
    let prompt = |model: &str| tokenizer.count_prompt(body, endpoint, model);
    let answer = echoes::answer(body, endpoint, prompt, |text, model| tokenizer.count_text(text, model));
    Ok(answer.map(|answer| PyBytes::new(py, &answer)))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(error_body, module)?)?;
    module.add_function(wrap_pyfunction!(read_error, module)?)?;
    module.add_function(wrap_pyfunction!(stream_error, module)?)?;
    module.add_function(wrap_pyfunction!(keep_alive, module)?)?;
    module.add_function(wrap_pyfunction!(replay, module)?)?;
    module.add_function(wrap_pyfunction!(stream_from_answer, module)?)?;
    module.add_function(wrap_pyfunction!(answer_from_stream, module)?)?;
    module.add_function(wrap_pyfunction!(read_usage, module)?)?;
    module.add_function(wrap_pyfunction!(echo, module)?)
}
