//! The memory tier of the response cache.
//!
//! Invariant: a hit compares a second hash, and expiry is judged by the caller's time (RULINGS 15).

use std::sync::Arc;

use headgate_core::cache_key as keys;
use moka::sync::Cache as Moka;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::scan::endpoint_of;

/// Bytes that an entry costs beside its payload: key, pointers and the policy's own books.
const ENTRY_BYTES: usize = 256;

/// Hash of everything that changes an answer, and a second one to be sure.
#[pyclass(frozen, module = "headgate._core")]
pub(crate) struct CacheKey {
    primary: u128,
    second: u64,
}

struct Entry {
    second: u64,
    stored_ns: u64,
    expires_ns: u64,
    stream: bool,
    payload: Vec<u8>,
}

/// Answers by key, W-TinyLFU by bytes.
#[pyclass(frozen, module = "headgate._core")]
pub(crate) struct Cache {
    entries: Moka<u128, Arc<Entry>>,
}

#[pymethods]
impl Cache {
    #[new]
    fn new(max_bytes: u64) -> Self {
        let weigh = |_: &u128, entry: &Arc<Entry>| {
            u32::try_from(entry.payload.len() + ENTRY_BYTES).unwrap_or(u32::MAX)
        };
        Self { entries: Moka::builder().max_capacity(max_bytes).weigher(weigh).build() }
    }

    fn get<'py>(
        &self,
        py: Python<'py>,
        key: &CacheKey,
        now_ns: u64,
    ) -> Option<(Bound<'py, PyBytes>, bool, u64)> {
        let entry = self.entries.get(&key.primary)?;
        if entry.expires_ns <= now_ns {
            self.entries.invalidate(&key.primary);
            return None;
        }
        let age_ns = now_ns.saturating_sub(entry.stored_ns);
        (entry.second == key.second).then(|| (PyBytes::new(py, &entry.payload), entry.stream, age_ns))
    }

    fn put(&self, key: &CacheKey, payload: &[u8], stream: bool, now_ns: u64, ttl_ns: u64) {
        let entry = Entry {
            second: key.second,
            stored_ns: now_ns,
            expires_ns: now_ns.saturating_add(ttl_ns),
            stream,
            payload: payload.to_vec(),
        };
        self.entries.insert(key.primary, Arc::new(entry));
    }
}

/// None for a body that is not JSON; the scan said so before.
#[pyfunction]
fn cache_key(
    body: &[u8],
    tenant: &str,
    endpoint: u8,
    model: Option<&str>,
    seed: u64,
) -> PyResult<Option<CacheKey>> {
    let endpoint = endpoint_of(endpoint)?;
    let key = match model {
        None => keys::cache_key(body, tenant, endpoint, seed),
        // The path names the model, and the body does not.
        Some(model) => keys::cache_key(body, &format!("{}\0{model}{tenant}", model.len()), endpoint, seed),
    };
    Ok(key.ok().map(|(primary, second)| CacheKey { primary, second }))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<CacheKey>()?;
    module.add_class::<Cache>()?;
    module.add_function(wrap_pyfunction!(cache_key, module)?)
}
