//! Requests: the endpoint they came to, and the model they ask for.

use headgate_core::wire::endpoint::{Dialect, Endpoint};
use headgate_core::wire::scan;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The endpoint behind the number that Python uses.
pub(crate) fn endpoint_of(number: u8) -> PyResult<Endpoint> {
    Endpoint::numbered(number).ok_or_else(|| PyValueError::new_err(format!("no endpoint {number}")))
}

/// The dialect of a name.
pub(crate) fn dialect_of(name: &str) -> PyResult<Dialect> {
    Dialect::named(name).ok_or_else(|| PyValueError::new_err(format!("no dialect {name:?}")))
}

/// The model that a request asks for, or (code, param, message) when it cannot be served.
#[pyfunction]
fn read_model<'py>(
    py: Python<'py>,
    body: &[u8],
    endpoint: u8,
    model: Option<&str>,
) -> PyResult<Bound<'py, PyAny>> {
    match scan::facts(body, endpoint_of(endpoint)?, model) {
        Ok(found) => Ok(found.model.into_pyobject(py)?.into_any()),
        Err(error) => Ok((error.code, error.param, error.message).into_pyobject(py)?.into_any()),
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(read_model, module)?)
}
