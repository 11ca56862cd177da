//! AWS Signature Version 4: the header lines that make a request the key owner's.
//!
//! Invariant: the path is signed as it is sent, percent-encoded once more (all services but S3 do not decode
//! it before they check); a request that cannot be signed leaves `out` as it was; keys are not printed.
//! Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SigningInstructions, SigningSettings, sign as signed,
};
use aws_sigv4::sign::v4;

/// The first moment that the date of a signature cannot tell: the year 10000.
const TOO_LATE_MS: u64 = 253_402_300_800_000;

/// What a request is signed with.
#[derive(Clone, Default)]
pub struct Keys {
    /// The key's id; it is no secret.
    pub access_key_id: String,
    /// The key itself.
    pub secret_access_key: String,
    /// The session that temporary keys belong to.
    pub session_token: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// A request, as far as its signature speaks of it.
#[derive(Clone, Copy, Debug)]
pub struct ToSign<'a> {
    /// The method.
    pub method: &'a str,
    /// The value of the `host` header.
    pub host: &'a str,
    /// The request target, as it is sent.
    pub path_and_query: &'a str,
    /// The region whose key is used, such as `eu-central-1`.
    pub region: &'a str,
    /// The service's name in signatures, such as `bedrock`.
    pub service: &'a str,
    /// Headers besides `host` that are signed too, as they are sent.
    pub headers: &'a [(&'a str, &'a str)],
    /// The whole body.
    pub body: &'a [u8],
    /// Milliseconds since 1970, UTC. AWS refuses a signature that is older than five minutes.
    pub wall_ms: u64,
}

/// The request, or a key, has signs that a header or a target cannot carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsignable;

/// Appends the header lines `x-amz-date`, `x-amz-security-token` (with a session) and `authorization`.
///
/// # Errors
/// [`Unsignable`]; nothing was appended then.
pub fn sign(keys: &Keys, request: &ToSign<'_>, out: &mut Vec<u8>) -> Result<(), Unsignable> {
    // Names of keys and regions are not looked at by the crate.
    let instructions = instructions(keys, request).ok_or(Unsignable)?;
    if instructions.headers().any(|(_, value)| value.bytes().any(|byte| byte.is_ascii_control())) {
        return Err(Unsignable);
    }
    for (name, value) in instructions.headers() {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    Ok(())
}

fn instructions(keys: &Keys, request: &ToSign<'_>) -> Option<SigningInstructions> {
    let time = (request.wall_ms < TOO_LATE_MS)
        .then(|| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(request.wall_ms)))??;
    let identity = Credentials::new(
        &*keys.access_key_id,
        &*keys.secret_access_key,
        keys.session_token.clone(),
        None,
        "headgate",
    )
    .into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(request.region)
        .name(request.service)
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .ok()?
        .into();
    let headers = std::iter::once(("host", request.host)).chain(request.headers.iter().copied());
    let body = SignableBody::Bytes(request.body);
    let request = SignableRequest::new(request.method, request.path_and_query, headers, body).ok()?;
    Some(signed(request, &params).ok()?.into_parts().0)
}
