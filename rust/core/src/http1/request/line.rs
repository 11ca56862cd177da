//! Lines of a request head, and the first of them (RFC 9112 sections 2.2 and 3).
//!
//! Invariant: a line ends with CRLF and has no other CR; a target has visible ASCII characters only.

use super::Refusal;

/// The methods that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// RFC 9110 section 9.3.1.
    Get,
    /// RFC 9110 section 9.3.2.
    Head,
    /// RFC 9110 section 9.3.3.
    Post,
    /// RFC 9110 section 9.3.4.
    Put,
    /// RFC 5789.
    Patch,
    /// RFC 9110 section 9.3.5.
    Delete,
    /// RFC 9110 section 9.3.7.
    Options,
}

impl Method {
    /// All of them; the place is the number that `as usize` gives.
    pub const ALL: [Self; 7] =
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options];

    /// The name as it is sent.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    fn read(name: &[u8]) -> Result<Self, Refusal> {
        if let Some(method) = Self::ALL.into_iter().find(|method| method.name().as_bytes() == name) {
            return Ok(method);
        }
        let letters = name.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-');
        if letters && (1..=32).contains(&name.len()) && name[0] != b'-' {
            return Err(Refusal::new(501, "method_not_implemented", "This method is not implemented"));
        }
        Err(malformed("The method is malformed"))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http10,
    Http11,
}

impl Version {
    fn read(text: &[u8]) -> Result<Self, Refusal> {
        match text {
            b"HTTP/1.1" => Ok(Self::Http11),
            b"HTTP/1.0" => Ok(Self::Http10),
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
                if major.is_ascii_digit() && minor.is_ascii_digit() =>
            {
                let message = "This server speaks HTTP/1.1 and HTTP/1.0";
                Err(Refusal::new(505, "http_version_not_supported", message))
            }
            _ => Err(malformed("The request line is malformed")),
        }
    }
}

/// The first line.
pub(super) struct RequestLine<'a> {
    pub(super) method: Method,
    pub(super) version: Version,
    target: &'a [u8],
}

/// The first line of `lines` without its CRLF, and the lines behind it.
pub(super) fn cut_line(lines: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    if let Some(at) = memchr::memchr(b'\r', lines)
        && lines.get(at + 1) == Some(&b'\n')
    {
        return Ok((&lines[..at], &lines[at + 2..]));
    }
    Err(Refusal::new(400, "invalid_request", "A line ends without CR LF"))
}

/// Reads method, target and version: one space between two of them, nothing else.
pub(super) fn request_line(line: &[u8], target_bytes: usize) -> Result<RequestLine<'_>, Refusal> {
    let at = memchr::memrchr(b' ', line).unwrap_or(0);
    let version = Version::read(line.get(at + 1..).unwrap_or_default())?;
    let front = &line[..at];
    let Some(space) = memchr::memchr(b' ', front) else {
        return Err(malformed("The request line is malformed"));
    };
    let target = &front[space + 1..];
    if target.len() > target_bytes {
        return Err(Refusal::new(414, "uri_too_long", "The request target is too long"));
    }
    let method = Method::read(&front[..space])?;
    if target.is_empty() || !target.iter().all(u8::is_ascii_graphic) {
        return Err(malformed("The request target is malformed"));
    }
    Ok(RequestLine { method, version, target })
}

impl<'a> RequestLine<'a> {
    /// Path and query of a target in origin, absolute or asterisk form (RFC 9112 section 3.2); an absolute one
    /// must name `host`, unless that is empty.
    pub(super) fn split_target(&self, host: &[u8]) -> Result<(&'a [u8], &'a [u8]), Refusal> {
        let target = self.target;
        if memchr::memchr(b'#', target).is_some() {
            return Err(bad_target("The request target has a fragment"));
        }
        if target.starts_with(b"/") {
            return Ok(cut_query(target));
        }
        if target == b"*" && self.method == Method::Options {
            return Ok((target, b""));
        }
        let rest = target.strip_prefix(b"http://").or_else(|| target.strip_prefix(b"https://"));
        let Some(rest) = rest else { return Err(bad_target("The request target is malformed")) };
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        if !is_authority(authority) {
            return Err(bad_target("The request target is malformed"));
        }
        if !host.is_empty() && !authority.eq_ignore_ascii_case(host) {
            return Err(bad_target("The request target names another host than the host header"));
        }
        let (path, query) = cut_query(rest);
        Ok((if path.is_empty() { b"/" } else { path }, query))
    }
}

fn cut_query(target: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'?', target) {
        Some(at) => (&target[..at], &target[at + 1..]),
        None => (target, b""),
    }
}

/// A host name or an address, and maybe a port; never a user (RFC 3986 section 3.2).
fn is_authority(authority: &[u8]) -> bool {
    let (host, port) = if let Some(inside) = authority.strip_prefix(b"[") {
        let Some(end) = memchr::memchr(b']', inside) else { return false };
        let address = &inside[..end];
        if !address.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')) {
            return false;
        }
        (address, &inside[end + 1..])
    } else {
        let end = memchr::memchr(b':', authority).unwrap_or(authority.len());
        let name = &authority[..end];
        if !name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')) {
            return false;
        }
        (name, &authority[end..])
    };
    let digits = port.strip_prefix(b":").unwrap_or_default();
    !host.is_empty()
        && (port.is_empty() || (1..=5).contains(&digits.len()))
        && digits.iter().all(u8::is_ascii_digit)
}

const fn malformed(message: &'static str) -> Refusal {
    Refusal::new(400, "invalid_request_line", message)
}

const fn bad_target(message: &'static str) -> Refusal {
    Refusal::new(400, "invalid_target", message)
}
