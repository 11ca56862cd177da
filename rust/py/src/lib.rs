//! The border: what Python sees of the native core.
//!
//! Invariant: bytes, str, int, float, bool, None, tuples of these and handles cross; no callback, no
//! dictionary; a refusal is a return value. Each method is a few lines over `headgate-core` and
//! `headgate-ledger`, where the logic and its tests are.

mod answer;
mod answers;
mod books;
mod cache;
mod credential;
mod desk;
mod dialect;
mod head;
mod keys;
mod ledger;
mod reader;
mod saying;
mod scan;
mod spool;
mod target;
mod ticket;
mod tls;
mod tokens;

use pyo3::prelude::*;

/// The module `headgate._core`.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("VERSION", env!("CARGO_PKG_VERSION"))?;
    module.add("PanicException", module.py().get_type::<pyo3::panic::PanicException>())?;
    scan::register(module)?;
    answers::register(module)?;
    books::register(module)?;
    credential::register(module)?;
    desk::register(module)?;
    saying::register(module)?;
    spool::register(module)?;
    ticket::register(module)?;
    head::register(module)?;
    keys::register(module)?;
    ledger::register(module)?;
    tls::register(module)?;
    reader::register(module)?;
    target::register(module)?;
    tokens::register(module)?;
    cache::register(module)
}
