//! Images and documents, read and written.
//!
//! Invariant: data stay as they are, except plain text, which this dialect has as text and others as base64.
//! Source: docs.anthropic.com/en/docs/build-with-claude/vision and …/pdf-support.

use std::borrow::Cow;

use serde::Deserialize;

use super::blocks::{Block, Content, Fault, note, plain};
use crate::wire::anthropic::words::{Text, or_empty, push_raw, push_text};
use crate::wire::base64;
use crate::wire::model::{Dropped, Media, Part, Source};

const PDF: &str = "application/pdf";

#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    media_type: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<Text<'a>>,
    #[serde(borrow)]
    url: Option<Text<'a>>,
    #[serde(borrow)]
    file_id: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<Content<'a>>,
}

/// Reads an image or document block; a document made of blocks is those blocks.
pub(super) fn read<'a>(
    block: Block<'a>,
    parts: &mut Vec<Part<'a>>,
    unknown: &mut Vec<Cow<'a, str>>,
) -> Result<(), Fault> {
    let image = block.kind.is("image");
    let raw = block.source.ok_or_else(|| Fault::new("An image or document needs `source`."))?;
    let told: Told<'a> = serde_json::from_str(raw.get())
        .map_err(|_| Fault::new("The `source` must be an object with `type`, `media_type` and `data`."))?;
    let mime = or_empty(told.media_type);
    let usual = if image { Cow::Borrowed("") } else { Cow::Borrowed(PDF) };
    let (mime, source) = match (&*told.kind.0, told.data, told.url, told.file_id) {
        ("base64", Some(data), _, _) if !mime.is_empty() => (mime, Source::Data(data.0)),
        ("text", Some(text), _, _) => {
            let mime = if mime.is_empty() { Cow::Borrowed("text/plain") } else { mime };
            (mime, Source::Data(Cow::Owned(base64::encode(text.0.as_bytes()))))
        }
        ("url", _, Some(url), _) => (usual, Source::Url(url.0)),
        // Without a type a file may be anything; that it is an image must not be lost.
        ("file", _, _, Some(file)) if image => (Cow::Borrowed("image/*"), Source::File(file.0)),
        ("file", _, _, Some(file)) => (usual, Source::File(file.0)),
        ("content", ..) => return nested(told.content, parts, unknown),
        _ => {
            let message =
                "The `source` must be of type `base64` (with `media_type` and `data`), `url` or `file`.";
            return Err(Fault::new(message));
        }
    };
    let title = block.title.map(|title| title.0);
    parts.push(Part::Media(Media { mime, source, detail: None, title, cached: block.cache_control }));
    Ok(())
}

fn nested<'a>(
    content: Option<Content<'a>>,
    parts: &mut Vec<Part<'a>>,
    unknown: &mut Vec<Cow<'a, str>>,
) -> Result<(), Fault> {
    match content {
        Some(Content::Text(text)) => parts.push(Part::Text { text, cached: None }),
        Some(Content::Blocks(blocks)) => {
            for block in blocks {
                // A document in a document has no meaning, and would nest without end.
                if block.kind.is("document") {
                    note(unknown, "content.document".to_owned());
                } else {
                    plain(block, parts, unknown)?;
                }
            }
        }
        _ => return Err(Fault::new("A `source` of type `content` needs `content`.")),
    }
    Ok(())
}

/// What a block of it would be; `None` where the dialect has none.
enum Form<'a> {
    Image,
    Document,
    Plain(&'a str),
}

fn form<'a>(media: &'a Media<'_>) -> Option<Form<'a>> {
    let mime = media.mime.split(';').next().unwrap_or_default().trim();
    match (&media.source, mime) {
        (Source::File(_), "") | (_, PDF) => Some(Form::Document),
        (Source::Url(_), "") => Some(Form::Image),
        (Source::Data(data), _) if mime.starts_with("text/") => Some(Form::Plain(data)),
        _ if mime.starts_with("image/") => Some(Form::Image),
        (Source::Url(_) | Source::File(_), _) if mime.starts_with("text/") => Some(Form::Document),
        _ => None,
    }
}

/// Whether there is a block for it; notes what there is none for.
pub(super) fn sayable(media: &Media<'_>, dropped: &mut Dropped) -> bool {
    if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
        dropped.note("detail");
    }
    let sayable = match form(media) {
        Some(Form::Plain(data)) => base64::decode(data).is_some(),
        form => form.is_some(),
    };
    if !sayable {
        dropped.note(if media.mime.starts_with("audio/") { "input_audio" } else { "file" });
    }
    sayable
}

/// Appends a block, for what is [`sayable`].
pub(super) fn push(out: &mut Vec<u8>, media: &Media<'_>) {
    let form = form(media);
    let image = matches!(form, Some(Form::Image));
    out.extend_from_slice(if image { b"{\"type\":\"image\"" } else { b"{\"type\":\"document\"" });
    match (&media.source, form) {
        (_, Some(Form::Plain(data))) => {
            let text = base64::decode(data).unwrap_or_default();
            out.extend_from_slice(b",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\"");
            push_text(out, b",\"data\":", &String::from_utf8_lossy(&text));
        }
        (Source::Data(data), _) => {
            // A common slip, which the provider refuses.
            let mime = if media.mime == "image/jpg" { "image/jpeg" } else { &media.mime };
            push_text(out, b",\"source\":{\"type\":\"base64\",\"media_type\":", mime);
            push_text(out, b",\"data\":", data);
        }
        (Source::Url(url), _) => push_text(out, b",\"source\":{\"type\":\"url\",\"url\":", url),
        (Source::File(file), _) => push_text(out, b",\"source\":{\"type\":\"file\",\"file_id\":", file),
    }
    out.push(b'}');
    if let Some(title) = media.title.as_deref().filter(|_| !image) {
        push_text(out, b",\"title\":", title);
    }
    push_raw(out, b",\"cache_control\":", media.cached);
    out.push(b'}');
}
