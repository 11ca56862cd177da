//! Which member of a request is to blame, and how that is said.
//!
//! Invariant: a path is written as JavaScript would reach it: `contents[0].parts[1].text`.

use crate::json::{Cursor, Kind};
use crate::wire::gemini::lenient::offset_of;
use crate::wire::model::Refused;

/// What serde refused in `body`; `prefix` is the path of `body` in the request.
pub(super) fn unreadable(body: &[u8], prefix: &str, error: &serde_json::Error) -> Refused {
    if let Some(malformed) = Cursor::new(body)
        .and_then(|mut cursor| {
            cursor.skip()?;
            cursor.finish()
        })
        .err()
    {
        let message = format!("The request body is not JSON: {malformed}. Send one JSON object.");
        return Refused { code: "invalid_json", param: None, message };
    }
    let mut path = prefix.to_owned();
    descend(body, offset_of(body, error).saturating_sub(1), &mut path);
    // serde ends its words with a place in the text it was given; the path says it better.
    let words = error.to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    let code = if words.starts_with("missing field") { "missing_required_parameter" } else { "invalid_type" };
    let place = if path.is_empty() { "The request body" } else { path.as_str() };
    let message = format!("{place} cannot be read: {words}. Send it as Gemini's API reference says.");
    Refused { code, param: (!path.is_empty()).then_some(path), message }
}

/// A value that cannot be taken.
pub(super) fn invalid(param: impl Into<String>, message: impl Into<String>) -> Refused {
    Refused { code: "invalid_value", param: Some(param.into()), message: message.into() }
}

/// Something that must be there.
pub(super) fn missing(param: impl Into<String>, message: impl Into<String>) -> Refused {
    Refused { code: "missing_required_parameter", param: Some(param.into()), message: message.into() }
}

/// Writes the path of the innermost value around `offset`.
fn descend(body: &[u8], offset: usize, path: &mut String) {
    let Ok(mut cursor) = Cursor::new(body) else { return };
    while let Some(kind) = cursor.kind().ok().filter(|kind| matches!(kind, Kind::Object | Kind::Array)) {
        let object = kind == Kind::Object;
        if cursor.open(if object { b'{' } else { b'[' }).is_err() {
            return;
        }
        let Some(inner) = enter(&mut cursor, object, offset) else { return };
        if object && !path.is_empty() {
            path.push('.');
        }
        path.push_str(&inner);
    }
}

/// Goes to the member or item around `offset`, and names it.
fn enter(cursor: &mut Cursor<'_>, object: bool, offset: usize) -> Option<String> {
    let mut first = true;
    let mut at = 0_usize;
    loop {
        let name = if object {
            cursor.member(&mut first).ok()??.read(cursor.body()).into_owned()
        } else if cursor.item(&mut first).ok()? {
            format!("[{at}]")
        } else {
            return None;
        };
        let value = cursor.clone().skip().ok()?;
        if offset < value.end {
            return (offset >= value.start).then_some(name);
        }
        cursor.skip().ok()?;
        at += 1;
    }
}
