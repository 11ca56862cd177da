//! Contents of messages: a string, or parts with text, images, sounds and files.
//!
//! Invariant: a `data:` URL never stays one: MIME type and Base64 are told apart when read, joined when said.
//! Source: platform.openai.com/docs/api-reference/chat/create, `messages`; RFC 2397 for `data:` URLs.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::content::Text;
use super::super::members::Members;
use super::{invalid, missing, typed, unsupported, wrong};
use crate::wire::model::{Media, Part, Refused, Source};

#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    image_url: Option<&'a RawValue>,
    #[serde(borrow)]
    input_audio: Option<Audio<'a>>,
    #[serde(borrow)]
    file: Option<File<'a>>,
    #[serde(borrow)]
    cache_control: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Image<'a> {
    #[serde(borrow)]
    url: Option<Text<'a>>,
    #[serde(borrow)]
    detail: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::wire) struct Audio<'a> {
    #[serde(borrow)]
    data: Option<Text<'a>>,
    #[serde(borrow)]
    format: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow, rename = "file_data")]
    data: Option<Text<'a>>,
    #[serde(borrow, rename = "file_id")]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "filename")]
    title: Option<Text<'a>>,
}

/// Reads the content of message `at`; none where it is absent.
pub(super) fn content(raw: Option<&RawValue>, at: usize) -> Result<Vec<Part<'_>>, Refused> {
    let Some(raw) = raw.map(RawValue::get) else { return Ok(Vec::new()) };
    let place = format_args!("messages[{at}].content");
    match raw.as_bytes().first() {
        Some(b'"') => {
            let text: Text<'_> = typed(raw, "a string", place)?;
            Ok(vec![Part::Text { text: text.0, cached: None }])
        }
        Some(b'[') => {
            let shapes: Vec<Shape<'_>> = typed(raw, "an array of content parts", place)?;
            let shapes = shapes.into_iter().enumerate();
            shapes.map(|(part, shape)| shape.part(&format!("messages[{at}].content[{part}]"))).collect()
        }
        _ => Err(wrong(raw, "a string or a list of content parts", place)),
    }
}

impl<'a> Shape<'a> {
    fn part(self, place: &str) -> Result<Part<'a>, Refused> {
        let absent = |name: &str| missing(format_args!("{place}.{name}"));
        let cached = self.cache_control;
        Ok(match Text::of(self.r#type.as_ref()) {
            "text" => Part::Text { text: self.text.ok_or_else(|| absent("text"))?.0, cached },
            "refusal" => Part::Refusal(self.refusal.ok_or_else(|| absent("refusal"))?.0),
            "image_url" => image(self.image_url.ok_or_else(|| absent("image_url"))?, cached, place)?,
            "input_audio" => self.input_audio.ok_or_else(|| absent("input_audio"))?.part(cached, place)?,
            "file" => self.file.ok_or_else(|| absent("file"))?.part(cached, place)?,
            "" => return Err(absent("type")),
            _ => {
                let rule = "be one of text, image_url, input_audio, file and refusal";
                return Err(invalid(format_args!("{place}.type"), rule));
            }
        })
    }
}

fn image<'a>(raw: &'a RawValue, cached: Option<&'a RawValue>, place: &str) -> Result<Part<'a>, Refused> {
    let place = format!("{place}.image_url");
    let (url, detail) = if raw.get().starts_with('"') {
        (typed::<Text<'a>>(raw.get(), "a string", format_args!("{place}"))?.0, None)
    } else {
        let image: Image<'a> = typed(raw.get(), "an object with url", format_args!("{place}"))?;
        (image.url.ok_or_else(|| missing(format_args!("{place}.url")))?.0, image.detail)
    };
    let (mime, source) = located(url).ok_or_else(|| {
        invalid(
            format_args!("{place}.url"),
            "be a URL, or `data:<MIME type>;base64,` and the image in Base64",
        )
    })?;
    Ok(Part::Media(Media { mime, source, detail: detail.map(|text| text.0), title: None, cached }))
}

impl<'a> Audio<'a> {
    /// The sound of the content part at `place`.
    pub(in crate::wire) fn part(
        self,
        cached: Option<&'a RawValue>,
        place: &str,
    ) -> Result<Part<'a>, Refused> {
        let absent = |name: &str| missing(format_args!("{place}.input_audio.{name}"));
        let data = self.data.ok_or_else(|| absent("data"))?.0;
        let mime = match Text::of(self.format.as_ref()) {
            "" => return Err(absent("format")),
            "wav" => Cow::Borrowed("audio/wav"),
            "mp3" => Cow::Borrowed("audio/mpeg"),
            other => Cow::Owned(format!("audio/{other}")),
        };
        Ok(Part::Media(Media { mime, source: Source::Data(data), detail: None, title: None, cached }))
    }
}

impl<'a> File<'a> {
    fn part(self, cached: Option<&'a RawValue>, place: &str) -> Result<Part<'a>, Refused> {
        let title = self.title.map(|text| text.0);
        let (mime, source) = match (self.id, self.data) {
            (Some(id), _) => (Cow::Borrowed(""), Source::File(id.0)),
            (None, Some(data)) if data.0.starts_with("data:") => located(data.0).ok_or_else(|| {
                invalid(format_args!("{place}.file.file_data"), "be Base64, or a `data:` URL with Base64")
            })?,
            // Bare Base64 is a PDF: the one kind of file that the dialect began with.
            (None, Some(data)) => (Cow::Borrowed("application/pdf"), Source::Data(data.0)),
            (None, None) => return Err(missing(format_args!("{place}.file.file_data"))),
        };
        Ok(Part::Media(Media { mime, source, detail: None, title, cached }))
    }
}

/// What a URL points at: with a `data:` URL its MIME type and Base64; `None` when that is not Base64.
pub(in crate::wire) fn located(url: Cow<'_, str>) -> Option<(Cow<'_, str>, Source<'_>)> {
    let scheme = url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    if !scheme {
        return Some((Cow::Borrowed(""), Source::Url(url)));
    }
    let comma = url.find(',')?;
    let mime = url.get(5..comma)?.strip_suffix(";base64")?;
    let mime = mime.split(';').next().unwrap_or_default().len();
    Some(match url {
        Cow::Borrowed(url) => {
            (Cow::Borrowed(url.get(5..5 + mime)?), Source::Data(Cow::Borrowed(url.get(comma + 1..)?)))
        }
        Cow::Owned(mut url) => {
            let data = url.split_off(comma + 1);
            (Cow::Owned(url.get(5..5 + mime)?.to_owned()), Source::Data(Cow::Owned(data)))
        }
    })
}

/// Writes one part that is not text.
pub(super) fn push(out: &mut Vec<u8>, media: &Media<'_>, cached: Option<&RawValue>) -> Result<(), Refused> {
    let mut part = Members::open(out);
    let image = media.mime.is_empty() || media.mime.starts_with("image/");
    match (&media.source, media.mime.strip_prefix("audio/")) {
        (Source::Data(data), Some(subtype)) => push_audio(&mut part, subtype, data),
        (Source::File(id), _) => {
            part.text("type", "file");
            let mut file = Members::open(part.key("file"));
            file.text("file_id", id);
            file.close();
        }
        (Source::Data(_) | Source::Url(_), _) if image => push_image(&mut part, media),
        (Source::Data(data), None) => {
            part.text("type", "file");
            let mut file = Members::open(part.key("file"));
            file.text("filename", media.title.as_deref().unwrap_or("file"));
            push_data_url(file.key("file_data"), &media.mime, data);
            file.close();
        }
        (Source::Url(_), _) => {
            let message = "A file or sound must be in the request itself, as Base64: this model's provider \
                           fetches images only.";
            return Err(unsupported("messages", message));
        }
    }
    if let Some(cached) = cached {
        part.raw("cache_control", cached.get());
    }
    part.close();
    Ok(())
}

pub(in crate::wire) fn push_audio(part: &mut Members<'_>, subtype: &str, data: &str) {
    part.text("type", "input_audio");
    let mut audio = Members::open(part.key("input_audio"));
    audio.text("data", data);
    let format = match subtype {
        "mpeg" | "mp3" => "mp3",
        "wav" | "x-wav" | "wave" => "wav",
        other => other,
    };
    audio.text("format", format);
    audio.close();
}

fn push_image(part: &mut Members<'_>, media: &Media<'_>) {
    part.text("type", "image_url");
    let mut image = Members::open(part.key("image_url"));
    match &media.source {
        Source::Data(data) => push_data_url(image.key("url"), image_type(&media.mime, data), data),
        Source::Url(url) | Source::File(url) => image.text("url", url),
    }
    if let Some(detail) = &media.detail {
        image.text("detail", detail);
    }
    image.close();
}

pub(in crate::wire) fn push_data_url(out: &mut Vec<u8>, mime: &str, data: &str) {
    let mut url = String::with_capacity(mime.len() + data.len() + 13);
    for piece in ["data:", mime, ";base64,", data] {
        url.push_str(piece);
    }
    crate::json::push_string(out, &url);
}

/// The MIME type of an image; where a dialect does not tell, by the magic number at the head of its Base64.
pub(in crate::wire) fn image_type<'a>(mime: &'a str, data: &str) -> &'a str {
    if !mime.is_empty() {
        return mime;
    }
    let magic = [("iVBOR", "image/png"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp")];
    magic.iter().find(|(head, _)| data.starts_with(head)).map_or("image/jpeg", |(_, mime)| mime)
}
