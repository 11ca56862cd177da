//! Requests: what the pipeline needs to know of a body, and the changes it makes to it.

use headgate_core::wire::openai::request::{self, Edits, Endpoint};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::tokens::Tokenizer;

/// The endpoint behind the number that Python uses.
pub(crate) fn endpoint_of(number: u8) -> PyResult<Endpoint> {
    match number {
        0 => Ok(Endpoint::Chat),
        1 => Ok(Endpoint::Completions),
        2 => Ok(Endpoint::Embeddings),
        other => Err(PyValueError::new_err(format!("no endpoint {other}"))),
    }
}

/// Facts of one request body.
#[pyclass(frozen, module = "headgate._core")]
pub(crate) struct Scan {
    #[pyo3(get)]
    model: Py<PyString>,
    #[pyo3(get)]
    stream: bool,
    #[pyo3(get)]
    include_usage: bool,
    #[pyo3(get)]
    max_output_tokens: Option<u64>,
    #[pyo3(get)]
    estimate_tokens: u64,
    #[pyo3(get)]
    deterministic: bool,
    edits: Edits,
    endpoint: Endpoint,
}

#[pymethods]
impl Scan {
    fn rewrite<'py>(
        &self,
        py: Python<'py>,
        body: &[u8],
        model: Option<&str>,
        ask_usage: bool,
    ) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &request::rewrite(body, &self.edits, model, ask_usage))
    }

    fn count(&self, py: Python<'_>, body: &[u8], tokenizer: &Tokenizer) -> PyResult<u64> {
        let model = self.model.bind(py).to_str()?.to_owned();
        Ok(py.detach(|| tokenizer.count_prompt(body, self.endpoint, &model)))
    }
}

/// A `Scan`, or (code, param, message).
#[pyfunction]
fn scan<'py>(py: Python<'py>, body: &[u8], endpoint: u8) -> PyResult<Bound<'py, PyAny>> {
    let endpoint = endpoint_of(endpoint)?;
    match request::scan(body, endpoint) {
        Ok(found) => {
            let scan = Scan {
                model: PyString::new(py, &found.model).unbind(),
                stream: found.stream,
                include_usage: found.include_usage,
                max_output_tokens: found.output_ceiling_tokens(),
                estimate_tokens: found.estimate_tokens(),
                deterministic: found.deterministic(),
                edits: found.edits,
                endpoint,
            };
            Ok(Bound::new(py, scan)?.into_any())
        }
        Err(error) => Ok((error.code, error.param, error.message).into_pyobject(py)?.into_any()),
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Scan>()?;
    module.add_function(wrap_pyfunction!(scan, module)?)
}
