//! Requests: the endpoint they came to, and the model they ask for.

use headgate_core::wire::openai::request::{self, Endpoint};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The endpoint behind the number that Python uses.
pub(crate) fn endpoint_of(number: u8) -> PyResult<Endpoint> {
    match number {
        0 => Ok(Endpoint::Chat),
        1 => Ok(Endpoint::Completions),
        2 => Ok(Endpoint::Embeddings),
        other => Err(PyValueError::new_err(format!("no endpoint {other}"))),
    }
}

/// The model that a body asks for, or (code, param, message) when it cannot be served.
#[pyfunction]
fn read_model<'py>(py: Python<'py>, body: &[u8], endpoint: u8) -> PyResult<Bound<'py, PyAny>> {
    match request::scan(body, endpoint_of(endpoint)?) {
        Ok(found) => Ok(found.model.into_pyobject(py)?.into_any()),
        Err(error) => Ok((error.code, error.param, error.message).into_pyobject(py)?.into_any()),
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(read_model, module)?)
}
