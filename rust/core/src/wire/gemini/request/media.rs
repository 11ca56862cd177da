//! Media: Gemini's `inlineData` and `fileData`.
//!
//! Invariant: canonical data are base64 with the standard alphabet and padding (RFC 4648, section 4), whatever
//! alphabet they came in; a `data:` URL is data.
//! Source: ai.google.dev/api/caching, `Blob`, `FileData`.

use std::borrow::Cow;

use super::blame::invalid;
use super::wire::{Blob, File};
use crate::json::push_string;
use crate::wire::gemini::lenient::Text;
use crate::wire::model::{Dropped, Media, Refused, Source};

/// Where files that were given to Google before are.
const FILES: [&str; 3] = ["https://generativelanguage.googleapis.com/", "gs://", "files/"];

/// Endings of names, and what they tell: Google wants the type even of what it fetches.
const TYPES: [(&str, &str); 16] = [
    (".png", "image/png"),
    (".jpg", "image/jpeg"),
    (".jpeg", "image/jpeg"),
    (".webp", "image/webp"),
    (".gif", "image/gif"),
    (".heic", "image/heic"),
    (".pdf", "application/pdf"),
    (".txt", "text/plain"),
    (".mp3", "audio/mp3"),
    (".wav", "audio/wav"),
    (".flac", "audio/flac"),
    (".ogg", "audio/ogg"),
    (".mp4", "video/mp4"),
    (".mov", "video/mov"),
    (".webm", "video/webm"),
    (".mpeg", "video/mpeg"),
];

pub(super) fn read_blob(blob: Blob<'_>) -> Media<'_> {
    let source = Source::Data(standard_base64(blob.data.0));
    media(blob.mime_type, source, blob.display_name)
}

pub(super) fn read_file<'a>(file: File<'a>, path: &str) -> Result<Media<'a>, Refused> {
    let uri = file.file_uri.0;
    if let Some(rest) = uri.strip_prefix("data:") {
        let Some((mime, data)) = rest.split_once(";base64,") else {
            let message = "A data: URL must be base64. Send its bytes as inlineData.";
            return Err(invalid(format!("{path}.fileData.fileUri"), message));
        };
        let mime = Some(Text(Cow::Owned(mime.to_owned())));
        let data = standard_base64(Cow::Owned(data.to_owned()));
        return Ok(media(mime, Source::Data(data), file.display_name));
    }
    let given = FILES.iter().any(|prefix| uri.starts_with(prefix));
    let source = if given { Source::File(uri) } else { Source::Url(uri) };
    Ok(media(file.mime_type, source, file.display_name))
}

fn media<'a>(mime: Option<Text<'a>>, source: Source<'a>, title: Option<Text<'a>>) -> Media<'a> {
    Media {
        mime: mime.map_or(Cow::Borrowed(""), |mime| mime.0),
        source,
        detail: None,
        title: title.map(|title| title.0),
        cached: None,
    }
}

fn standard_base64(data: Cow<'_, str>) -> Cow<'_, str> {
    let padding = match data.trim_end_matches('=').len() % 4 {
        2 => "==",
        3 => "=",
        _ => "",
    };
    if data.ends_with(padding) && memchr::memchr2(b'-', b'_', data.as_bytes()).is_none() {
        return data;
    }
    let mut standard = data.trim_end_matches('=').replace('-', "+").replace('_', "/");
    standard.push_str(padding);
    Cow::Owned(standard)
}

/// Appends the part of some media.
pub(super) fn push(out: &mut Vec<u8>, media: &Media<'_>, dropped: &mut Dropped) -> Result<(), Refused> {
    note(media, dropped);
    match &media.source {
        Source::Data(data) => {
            let mime = if media.mime.is_empty() { "application/octet-stream" } else { &media.mime };
            out.extend_from_slice(b"{\"inlineData\":{\"mimeType\":");
            push_string(out, mime);
            out.extend_from_slice(b",\"data\":");
            push_string(out, data);
        }
        Source::File(uri) if !FILES.iter().any(|prefix| uri.starts_with(prefix)) => {
            let message = format!("The file {uri:?} was given to another provider. Send its bytes instead.");
            return Err(invalid("messages", message));
        }
        Source::Url(uri) | Source::File(uri) => {
            out.extend_from_slice(b"{\"fileData\":{");
            if let Some(mime) = told_or_guessed(media, uri) {
                out.extend_from_slice(b"\"mimeType\":");
                push_string(out, mime);
                out.push(b',');
            }
            out.extend_from_slice(b"\"fileUri\":");
            push_string(out, uri);
        }
    }
    out.extend_from_slice(b"}}");
    Ok(())
}

fn told_or_guessed<'a>(media: &'a Media<'_>, uri: &str) -> Option<&'a str> {
    if !media.mime.is_empty() {
        return Some(&media.mime);
    }
    let path = uri.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    TYPES.iter().find(|(ending, _)| path.ends_with(ending)).map(|(_, mime)| *mime)
}

fn note(media: &Media<'_>, dropped: &mut Dropped) {
    if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
        dropped.note("detail");
    }
    if media.title.is_some() {
        dropped.note("filename");
    }
    if media.cached.is_some() {
        dropped.note("cache_control");
    }
}
