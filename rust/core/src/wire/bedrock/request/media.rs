//! Images, documents and videos as blocks.
//!
//! Invariant: a block's format is one that Converse lists, and the names of documents are allowed and apart.
//! Source: docs.aws.amazon.com/bedrock/latest/APIReference, `ImageBlock`, `DocumentBlock`, `VideoBlock`.

use crate::json::{push_string, push_u64};
use crate::wire::model::{Media, Refused, Source};

use super::refused;

const MAX_NAME_BYTES: usize = 200;

/// MIME types, and what Converse calls them.
const FORMATS: [(&str, &str, &str); 21] = [
    ("image/png", "image", "png"),
    ("image/jpeg", "image", "jpeg"),
    ("image/jpg", "image", "jpeg"),
    ("image/gif", "image", "gif"),
    ("image/webp", "image", "webp"),
    ("application/pdf", "document", "pdf"),
    ("text/csv", "document", "csv"),
    ("application/msword", "document", "doc"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "document", "docx"),
    ("application/vnd.ms-excel", "document", "xls"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "document", "xlsx"),
    ("text/html", "document", "html"),
    ("text/plain", "document", "txt"),
    ("text/markdown", "document", "md"),
    ("video/x-matroska", "video", "mkv"),
    ("video/quicktime", "video", "mov"),
    ("video/mp4", "video", "mp4"),
    ("video/webm", "video", "webm"),
    ("video/x-flv", "video", "flv"),
    ("video/mpeg", "video", "mpeg"),
    ("video/3gpp", "video", "three_gp"),
];

/// Appends `{"<kind>":{…}}`; `count` is how many documents there were before, and goes up with each.
pub(super) fn push(out: &mut Vec<u8>, media: &Media<'_>, count: &mut u64) -> Result<(), Refused> {
    // Before its type, which is not known of a file that is elsewhere.
    let fetched = match &media.source {
        Source::Data(_) => false,
        Source::Url(url) => !url.starts_with("s3://"),
        Source::File(_) => true,
    };
    if fetched {
        let message = "this model's provider (Bedrock) fetches no media: send them as base64";
        return Err(refused("messages", message.to_owned()));
    }
    let Some((_, kind, format)) = FORMATS.iter().find(|(mime, ..)| media.mime.eq_ignore_ascii_case(mime))
    else {
        let message = format!("this model's provider (Bedrock) does not take media of type `{}`", media.mime);
        return Err(refused("messages", message));
    };
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\":{\"format\":\"");
    out.extend_from_slice(format.as_bytes());
    out.push(b'"');
    if *kind == "document" {
        *count = count.saturating_add(1);
        out.extend_from_slice(b",\"name\":\"");
        push_name(out, media.title.as_deref().unwrap_or("document"), *count);
        out.push(b'"');
    }
    out.extend_from_slice(b",\"source\":{");
    match &media.source {
        Source::Data(data) => {
            out.extend_from_slice(b"\"bytes\":");
            push_string(out, data);
        }
        Source::Url(url) | Source::File(url) => {
            out.extend_from_slice(b"\"s3Location\":{\"uri\":");
            push_string(out, url);
            out.push(b'}');
        }
    }
    out.extend_from_slice(b"}}}");
    Ok(())
}

/// A document's name: letters and digits of ASCII, single spaces, hyphens and brackets, and its number, since
/// two documents may not share a name.
fn push_name(out: &mut Vec<u8>, title: &str, number: u64) {
    let mut after_space = true;
    for byte in title.bytes().take(MAX_NAME_BYTES) {
        let allowed = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'(' | b')' | b'[' | b']');
        if allowed || !after_space {
            out.push(if allowed { byte } else { b' ' });
        }
        after_space = !allowed;
    }
    if !after_space {
        out.push(b' ');
    }
    push_u64(out, number);
}
