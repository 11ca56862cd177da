//! The page of the spool that records go to.

use std::os::fd::RawFd;

use headgate_ledger::Page;
use pyo3::prelude::*;

/// Where records go; between two files there is nowhere, and nothing is taken.
#[pyclass(module = "headgate._core")]
pub(crate) struct SpoolPage(Option<Page>);

impl SpoolPage {
    pub(crate) fn take(&mut self, record: &[u8]) -> bool {
        self.0.as_mut().is_some_and(|page| page.append(record))
    }
}

#[pymethods]
impl SpoolPage {
    #[new]
    const fn new() -> Self {
        Self(None)
    }

    /// Goes on in an open file, whose first `size_bytes` are allocated and zero.
    fn open(&mut self, file: RawFd, size_bytes: usize) -> PyResult<()> {
        self.0 = Some(Page::map(file, size_bytes)?);
        Ok(())
    }

    fn append(&mut self, record: &[u8]) -> bool {
        self.take(record)
    }

    /// Lets the file go; the bytes that are filled.
    fn close(&mut self) -> usize {
        self.0.take().map_or(0, |page| page.used())
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<SpoolPage>()
}
