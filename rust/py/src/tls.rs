//! TLS towards providers: rustls without a socket, fed by hand.
//!
//! Invariant: certificates are verified against the system's roots and the configured ones, always.

use std::io::{self, Read, Write};
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// Roots, protocol versions and the session cache, shared by the connections of a provider.
#[pyclass(frozen, module = "headgate._core")]
pub(crate) struct TlsClient {
    config: Arc<ClientConfig>,
}

#[pymethods]
impl TlsClient {
    #[new]
    fn new(ca_pem: Option<&[u8]>) -> PyResult<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for certificate in CertificateDer::pem_slice_iter(ca_pem.unwrap_or_default()) {
            let certificate =
                certificate.map_err(|error| PyValueError::new_err(format!("ca_file: {error}")))?;
            roots.add(certificate).map_err(|error| PyValueError::new_err(format!("ca_file: {error}")))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| PyValueError::new_err(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config) })
    }
}

/// One TLS session.
pub(crate) struct Session {
    connection: ClientConnection,
    peer_closed: bool,
}

impl Session {
    /// A session with `host`, a name or an address.
    pub(crate) fn new(client: &TlsClient, host: &str) -> PyResult<Self> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let mut connection = ClientConnection::new(Arc::clone(&client.config), name)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        // A request is written whole, however long it is.
        connection.set_buffer_limit(None);
        Ok(Self { connection, peer_closed: false })
    }

    pub(crate) fn ready(&self) -> bool {
        !self.connection.is_handshaking()
    }

    pub(crate) fn wants_write(&self) -> bool {
        self.connection.wants_write()
    }

    /// Whether the peer said that it will send no more: without it an end may be an attacker's.
    pub(crate) fn peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// Appends the plaintext in `ciphertext` to `plain`.
    pub(crate) fn open(&mut self, mut ciphertext: &[u8], plain: &mut Vec<u8>) -> io::Result<()> {
        while !ciphertext.is_empty() {
            self.connection.read_tls(&mut ciphertext)?;
            let state = self.connection.process_new_packets().map_err(io::Error::other)?;
            self.peer_closed |= state.peer_has_closed();
            let ready = state.plaintext_bytes_to_read();
            if ready > 0 {
                let start = plain.len();
                plain.resize(start + ready, 0);
                self.connection.reader().read_exact(&mut plain[start..])?;
            }
        }
        Ok(())
    }

    /// Appends the ciphertext of `plain` to `out`.
    pub(crate) fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.connection.writer().write_all(plain)?;
        self.flush(out)
    }

    /// Appends what waits to be sent to `out`.
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(out)?;
        }
        Ok(())
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<TlsClient>()
}
