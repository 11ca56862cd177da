//! A Messages request as clouds that host Claude take it: the model stands in the path, the version in the body.
//!
//! Invariant: every other byte stays.
//! Source: docs.anthropic.com/en/api/claude-on-amazon-bedrock, /en/api/claude-on-vertex-ai.

use crate::json::{Cursor, Malformed, push_string};

/// Who hosts the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Amazon Bedrock's `InvokeModel`: whether the answer is streamed stands in the path, too.
    Bedrock,
    /// Google's Vertex AI, `rawPredict`.
    Vertex,
}

impl Host {
    const fn version(self) -> &'static str {
        match self {
            Self::Bedrock => "bedrock-2023-05-31",
            Self::Vertex => "vertex-2023-10-16",
        }
    }

    fn refuses(self, member: &str) -> bool {
        match self {
            Self::Bedrock => matches!(member, "model" | "stream" | "anthropic_version"),
            Self::Vertex => matches!(member, "model" | "anthropic_version"),
        }
    }
}

/// The body for `host`; `beta` are the values of the caller's `anthropic-beta`, which Bedrock takes in the body.
///
/// # Errors
/// When it is no JSON object; who scanned it knows that it is.
pub fn body(body: &[u8], host: Host, beta: &[&str]) -> Result<Vec<u8>, Malformed> {
    let mut cursor = Cursor::new(body)?;
    cursor.open(b'{')?;
    let mut out = Vec::with_capacity(body.len() + 64);
    out.extend_from_slice(b"{\"anthropic_version\":");
    push_string(&mut out, host.version());
    push_beta(host, beta, &mut out);
    let mut first = true;
    loop {
        let before = cursor.offset();
        let Some(name) = cursor.member(&mut first)? else { break };
        let value = cursor.skip()?;
        if !host.refuses(&name.read(cursor.body())) {
            // The first member stands behind no comma, all others begin with theirs.
            if body[before] != b',' {
                out.push(b',');
            }
            out.extend_from_slice(&body[before..value.end]);
        }
    }
    out.push(b'}');
    Ok(out)
}

fn push_beta(host: Host, beta: &[&str], out: &mut Vec<u8>) {
    if host != Host::Bedrock || beta.is_empty() {
        return;
    }
    out.extend_from_slice(b",\"anthropic_beta\":");
    for (at, name) in beta.iter().enumerate() {
        out.push(if at == 0 { b'[' } else { b',' });
        push_string(out, name);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::{Host, body};

    #[test]
    fn what_stands_elsewhere_goes_and_the_version_comes() {
        let cases: [(&str, &str, &str); 4] = [
            (
                r#"{"model":"m","max_tokens":1,"stream":true,"x":[1, 2]}"#,
                r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"x":[1, 2]}"#,
                r#"{"anthropic_version":"vertex-2023-10-16","max_tokens":1,"stream":true,"x":[1, 2]}"#,
            ),
            (
                r#"{ "a" : 1.50 , "model":"m"}"#,
                r#"{"anthropic_version":"bedrock-2023-05-31","a" : 1.50}"#,
                r#"{"anthropic_version":"vertex-2023-10-16","a" : 1.50}"#,
            ),
            (
                r#"{"anthropic_version":"old","model":"m"}"#,
                r#"{"anthropic_version":"bedrock-2023-05-31"}"#,
                r#"{"anthropic_version":"vertex-2023-10-16"}"#,
            ),
            (
                "{}",
                r#"{"anthropic_version":"bedrock-2023-05-31"}"#,
                r#"{"anthropic_version":"vertex-2023-10-16"}"#,
            ),
        ];
        for (asked, bedrock, vertex) in cases {
            let said = |host| String::from_utf8(body(asked.as_bytes(), host, &[]).unwrap()).unwrap();
            assert_eq!((&*said(Host::Bedrock), &*said(Host::Vertex)), (bedrock, vertex));
        }
        assert!(body(b"[]", Host::Vertex, &[]).is_err());
        let said = body(br#"{"a":1}"#, Host::Bedrock, &["one", "two"]).unwrap();
        assert_eq!(
            said,
            br#"{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["one","two"],"a":1}"#
        );
    }
}
