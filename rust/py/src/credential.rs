//! What a cloud lets us in with: fetched elsewhere, kept here, put into the head of each request.
//!
//! Invariant: what is held is told to nobody but the upstream: there is no getter of it and no `repr`; a
//! credential whose time is over adds no line.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use headgate_core::cloud::sigv4::{self, Keys, ToSign};
use pyo3::prelude::*;

/// A request, as far as a credential needs it.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    /// The value of the `host` header.
    pub(crate) host: &'a str,
    /// The request target, as it is sent.
    pub(crate) path: &'a str,
    pub(crate) body: &'a [u8],
    /// Milliseconds since 1970, UTC.
    pub(crate) wall_ms: u64,
}

enum Kind {
    /// `authorization: Bearer <token>`.
    Bearer,
    /// A signature over the request.
    Aws { region: String, service: String },
}

enum Secret {
    Token(String),
    Keys(Keys),
}

struct Held {
    secret: Secret,
    /// Milliseconds since 1970, UTC; `u64::MAX` never.
    expires_ms: u64,
}

/// A provider's credential; shared by all of its requests and replaced in place.
#[pyclass(frozen, module = "headgate._core")]
pub(crate) struct Credential {
    kind: Kind,
    held: Mutex<Option<Held>>,
}

impl Credential {
    fn of(kind: Kind) -> Self {
        Self { kind, held: Mutex::new(None) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Held>> {
        // A value is replaced whole, so a panic elsewhere cannot have left half of one.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, secret: Secret, expires_ms: Option<u64>) {
        *self.lock() = Some(Held { secret, expires_ms: expires_ms.unwrap_or(u64::MAX) });
    }

    /// Appends the header lines that let `call` in; false, and nothing, without a credential that is valid.
    pub(crate) fn push_headers(&self, call: &Call<'_>, out: &mut Vec<u8>) -> bool {
        let guard = self.lock();
        let Some(held) = guard.as_ref().filter(|held| call.wall_ms < held.expires_ms) else { return false };
        match (&self.kind, &held.secret) {
            (Kind::Bearer, Secret::Token(token)) => {
                out.extend_from_slice(b"authorization: Bearer ");
                out.extend_from_slice(token.as_bytes());
                out.extend_from_slice(b"\r\n");
                true
            }
            (Kind::Aws { region, service }, Secret::Keys(keys)) => {
                let request = ToSign {
                    method: call.method,
                    host: call.host,
                    path_and_query: call.path,
                    region,
                    service,
                    headers: &[],
                    body: call.body,
                    wall_ms: call.wall_ms,
                };
                sigv4::sign(keys, &request, out).is_ok()
            }
            _ => false,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Bearer => "bearer".to_owned(),
            Kind::Aws { region, service } => format!("aws {service} {region}"),
        };
        write!(f, "Credential({kind}, {})", if self.ready() { "ready" } else { "empty" })
    }
}

#[pymethods]
impl Credential {
    /// A credential that is sent as a bearer token.
    #[staticmethod]
    fn bearer() -> Self {
        Self::of(Kind::Bearer)
    }

    /// A credential that signs requests to `service` in `region`.
    #[staticmethod]
    fn aws(region: String, service: String) -> Self {
        Self::of(Kind::Aws { region, service })
    }

    /// Hold a token until `expires_ms` (None: for good); false for one that a header cannot carry.
    fn set_token(&self, token: String, expires_ms: Option<u64>) -> bool {
        let fits = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        let fits = fits && matches!(self.kind, Kind::Bearer);
        if fits {
            self.hold(Secret::Token(token), expires_ms);
        }
        fits
    }

    /// Hold keys until `expires_ms` (None: for good); false for ones that a header cannot carry.
    fn set_keys(
        &self,
        access_key_id: String,
        secret_access_key: String,
        session_token: Option<String>,
        expires_ms: Option<u64>,
    ) -> bool {
        let texts = [Some(&access_key_id), Some(&secret_access_key), session_token.as_ref()];
        let fits = texts
            .iter()
            .flatten()
            .all(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()));
        let fits = fits && matches!(self.kind, Kind::Aws { .. });
        if fits {
            self.hold(Secret::Keys(Keys { access_key_id, secret_access_key, session_token }), expires_ms);
        }
        fits
    }

    /// Hold nothing.
    fn clear(&self) {
        *self.lock() = None;
    }

    /// Whether something is held; its time may be over.
    #[getter]
    fn ready(&self) -> bool {
        self.lock().is_some()
    }

    fn __repr__(&self) -> String {
        format!("{self:?}")
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Credential>()
}
