//! Request heads and request ids, for the edge.

use headgate_core::http1::request::{self, Body, Head, KNOWN_NAMES, Limits, Method, Name};
use headgate_core::request_id;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyInt, PyList, PyString, PyTuple};

/// Cuts request heads; keeps the objects that every head needs.
#[pyclass(frozen, module = "headgate._core")]
struct HeadReader {
    reader: request::HeadReader,
    names: Vec<Py<PyBytes>>,
    methods: Vec<Py<PyString>>,
}

#[pymethods]
impl HeadReader {
    #[new]
    fn new(
        py: Python<'_>,
        max_header_bytes: usize,
        max_headers: usize,
        max_target_bytes: usize,
        max_body_bytes: u64,
    ) -> Self {
        let limits = Limits {
            head_bytes: max_header_bytes,
            headers: max_headers,
            target_bytes: max_target_bytes,
            body_bytes: max_body_bytes,
        };
        Self {
            reader: request::HeadReader::new(limits),
            names: KNOWN_NAMES.iter().map(|name| PyBytes::new(py, name.as_bytes()).unbind()).collect(),
            methods: Method::ALL.iter().map(|method| PyString::intern(py, method.name()).unbind()).collect(),
        }
    }

    /// The facts, a refusal, or None.
    fn cut<'py>(&self, py: Python<'py>, data: &[u8], start: usize) -> PyResult<Option<Bound<'py, PyTuple>>> {
        match self.reader.read(data.get(start..).unwrap_or_default()) {
            Ok(None) => Ok(None),
            Ok(Some(head)) => self.facts(py, &head, start).map(Some),
            Err(refusal) => (refusal.status, refusal.code, refusal.message).into_pyobject(py).map(Some),
        }
    }
}

impl HeadReader {
    fn facts<'py>(&self, py: Python<'py>, head: &Head<'_>, start: usize) -> PyResult<Bound<'py, PyTuple>> {
        let mut fields = Vec::with_capacity(head.fields.len());
        for field in &head.fields {
            let name = match field.name {
                Name::Known(place) => self.names[place].bind(py).clone(),
                Name::Other(name) => PyBytes::new(py, &name.to_ascii_lowercase()),
            };
            fields.push(PyTuple::new(py, [name, PyBytes::new(py, field.value)])?);
        }
        let length = match head.body {
            Body::Sized(length) => PyInt::new(py, length),
            Body::Chunked => PyInt::new(py, -1),
        };
        let flag = |value: bool| PyBool::new(py, value).to_owned().into_any();
        let none = || py.None().into_bound(py);
        let facts = [
            PyInt::new(py, start + head.end).into_any(),
            self.methods[head.method as usize].bind(py).clone().into_any(),
            PyBytes::new(py, head.path).into_any(),
            PyBytes::new(py, head.query).into_any(),
            PyList::new(py, fields)?.into_any(),
            length.into_any(),
            flag(head.chunked),
            flag(head.keep_alive),
            flag(head.expects_continue),
            flag(head.special),
            flag(head.vendor),
            head.request_id.map_or_else(none, |id| PyString::new(py, id).into_any()),
            head.authorization.map_or_else(none, |value| PyBytes::new(py, value).into_any()),
        ];
        PyTuple::new(py, facts)
    }
}

/// The random parts of as many ids as `entropy` is enough for.
#[pyfunction]
fn request_id_tails<'py>(py: Python<'py>, entropy: &[u8]) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, request_id::tails(entropy))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<HeadReader>()?;
    module.add_function(wrap_pyfunction!(request_id_tails, module)?)
}
