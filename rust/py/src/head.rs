//! Request heads and request ids, for the edge.

use headgate_core::http1::request::{self, Body, Head, KNOWN_NAMES, Limits, Method, Name};
use headgate_core::request_id;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyInt, PyList, PyString, PyTuple};

/// Fields whose last value is not kept: it is a secret, or another one each time.
const NOT_KEPT: [&str; 5] =
    ["authorization", "proxy-authorization", "cookie", "x-request-id", "content-length"];
/// Longest value that is kept.
const MAX_KEPT_BYTES: usize = 256;

/// A field that comes again and again: its name, and the last pair made of it.
struct Known {
    name: Py<PyBytes>,
    kept: bool,
    last: Option<(Vec<u8>, Py<PyTuple>)>,
}

impl Known {
    fn new(py: Python<'_>, name: &str) -> Self {
        let kept = !NOT_KEPT.contains(&name);
        Self { name: PyBytes::new(py, name.as_bytes()).unbind(), kept, last: None }
    }

    /// (name, value), the same object for the same value: clients say the same in every request.
    fn pair<'py>(&mut self, py: Python<'py>, value: &[u8]) -> PyResult<Bound<'py, PyTuple>> {
        if let Some((last, pair)) = &self.last
            && last == value
        {
            return Ok(pair.bind(py).clone());
        }
        let pair = PyTuple::new(py, [self.name.bind(py).clone(), PyBytes::new(py, value)])?;
        if self.kept && value.len() <= MAX_KEPT_BYTES {
            self.last = Some((value.to_vec(), pair.clone().unbind()));
        }
        Ok(pair)
    }
}

/// Cuts request heads; keeps the objects that every head needs.
#[pyclass(module = "headgate._core")]
struct HeadReader {
    reader: request::HeadReader,
    known: Vec<Known>,
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
            known: KNOWN_NAMES.iter().map(|name| Known::new(py, name)).collect(),
            methods: Method::ALL.iter().map(|method| PyString::intern(py, method.name()).unbind()).collect(),
        }
    }

    /// The facts, a refusal, or None.
    fn cut<'py>(
        &mut self,
        py: Python<'py>,
        data: &[u8],
        start: usize,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let Self { reader, known, methods } = self;
        match reader.read(data.get(start..).unwrap_or_default()) {
            Ok(None) => Ok(None),
            Ok(Some(head)) => {
                let method = methods[head.method as usize].bind(py).clone();
                facts(known, method, &head, start).map(Some)
            }
            Err(refusal) => (refusal.status, refusal.code, refusal.message).into_pyobject(py).map(Some),
        }
    }
}

fn facts<'py>(
    known: &mut [Known],
    method: Bound<'py, PyString>,
    head: &Head<'_>,
    start: usize,
) -> PyResult<Bound<'py, PyTuple>> {
    let py = method.py();
    let mut fields = Vec::with_capacity(head.fields.len());
    for field in &head.fields {
        fields.push(match field.name {
            Name::Known(place) => known[place].pair(py, field.value)?,
            Name::Other(name) => {
                let name = PyBytes::new(py, &name.to_ascii_lowercase());
                PyTuple::new(py, [name, PyBytes::new(py, field.value)])?
            }
        });
    }
    let length = match head.body {
        Body::Sized(length) => PyInt::new(py, length),
        Body::Chunked => PyInt::new(py, -1),
    };
    let flag = |value: bool| PyBool::new(py, value).to_owned().into_any();
    let none = || py.None().into_bound(py);
    let facts = [
        PyInt::new(py, start + head.end).into_any(),
        method.into_any(),
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

/// The random parts of as many ids as `entropy` is enough for.
#[pyfunction]
fn request_id_tails<'py>(py: Python<'py>, entropy: &[u8]) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, request_id::tails(entropy))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<HeadReader>()?;
    module.add_function(wrap_pyfunction!(request_id_tails, module)?)
}
