//! Who is calling: the digests of all keys.

use headgate_core::keys;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// SHA-256 digests of the API keys, in the runtime's order.
#[pyclass(frozen, module = "headgate._core")]
pub(crate) struct KeyTable(pub(crate) keys::KeyTable);

#[pymethods]
impl KeyTable {
    #[new]
    #[expect(clippy::needless_pass_by_value, reason = "what Python gives is converted into a value of ours")]
    fn new(digests: Vec<String>) -> PyResult<Self> {
        keys::KeyTable::from_hex(digests.iter().map(String::as_str))
            .map(Self)
            .ok_or_else(|| PyValueError::new_err("a key's digest is not 64 hexadecimal digits"))
    }

    fn find(&self, token: &[u8]) -> i64 {
        self.0.find(token).and_then(|index| i64::try_from(index).ok()).unwrap_or(-1)
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<KeyTable>()
}
