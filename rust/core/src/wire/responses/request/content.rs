//! Contents of messages and of tools' results: a string, or parts with text, images, files and sounds.
//!
//! Invariant: a `data:` URL never stays one: MIME type and Base64 are told apart when read, joined when said.
//! Source: platform.openai.com/docs/api-reference/responses/create, `input`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::list;
use crate::json::push_string;
use crate::wire::model::{Media, Part, Refused, Source};
use crate::wire::openai_chat::content::Text;
use crate::wire::openai_chat::members::Members;
use crate::wire::openai_chat::request::{
    Audio, image_type, invalid, located, missing, push_audio, push_data_url, typed, wrong,
};

const PDF: &str = "application/pdf";
/// A file that is an image, of a type that nobody told.
const IMAGE: &str = "image/*";

#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    image_url: Option<Text<'a>>,
    #[serde(borrow)]
    detail: Option<Text<'a>>,
    #[serde(borrow)]
    file_id: Option<Text<'a>>,
    #[serde(borrow)]
    file_data: Option<Text<'a>>,
    #[serde(borrow)]
    file_url: Option<Text<'a>>,
    #[serde(borrow)]
    filename: Option<Text<'a>>,
    #[serde(borrow)]
    input_audio: Option<Audio<'a>>,
}

/// Reads the content at `place`.
pub(super) fn read<'a>(raw: Option<&'a RawValue>, place: &str) -> Result<Vec<Part<'a>>, Refused> {
    let raw = raw.ok_or_else(|| missing(format_args!("{place}")))?.get();
    match raw.as_bytes().first() {
        Some(b'"') => {
            let text: Text<'a> = typed(raw, "a string", format_args!("{place}"))?;
            Ok(vec![Part::Text { text: text.0, cached: None }])
        }
        Some(b'[') => {
            let wanted = ("an array of content parts", "an object with a type");
            let shapes = list::<Shape<'a>>(raw, wanted, place)?.into_iter().enumerate();
            shapes.map(|(at, shape)| shape.part(&format!("{place}[{at}]"))).collect()
        }
        _ => Err(wrong(raw, "a string or a list of content parts", format_args!("{place}"))),
    }
}

impl<'a> Shape<'a> {
    fn part(self, place: &str) -> Result<Part<'a>, Refused> {
        let absent = |name: &str| missing(format_args!("{place}.{name}"));
        match Text::of(self.r#type.as_ref()) {
            "input_text" | "output_text" => {
                Ok(Part::Text { text: self.text.ok_or_else(|| absent("text"))?.0, cached: None })
            }
            "refusal" => Ok(Part::Refusal(self.refusal.ok_or_else(|| absent("refusal"))?.0)),
            "input_image" => self.image(place),
            "input_file" => self.file(place),
            "input_audio" => self.input_audio.ok_or_else(|| absent("input_audio"))?.part(None, place),
            "" => Err(absent("type")),
            _ => {
                let rule =
                    "be one of input_text, input_image, input_file, input_audio, output_text and refusal";
                Err(invalid(format_args!("{place}.type"), rule))
            }
        }
    }

    fn image(self, place: &str) -> Result<Part<'a>, Refused> {
        let (mime, source) = match (self.image_url, self.file_id) {
            (Some(url), _) => located(url.0).ok_or_else(|| {
                let rule = "be a URL, or `data:<MIME type>;base64,` and the image in Base64";
                invalid(format_args!("{place}.image_url"), rule)
            })?,
            (None, Some(id)) => (Cow::Borrowed(IMAGE), Source::File(id.0)),
            (None, None) => return Err(missing(format_args!("{place}.image_url"))),
        };
        let detail = self.detail.map(|text| text.0);
        Ok(Part::Media(Media { mime, source, detail, title: None, cached: None }))
    }

    fn file(self, place: &str) -> Result<Part<'a>, Refused> {
        let (mime, source) = match (self.file_id, self.file_data, self.file_url) {
            (Some(id), ..) => (Cow::Borrowed(""), Source::File(id.0)),
            (None, Some(data), _) if data.0.starts_with("data:") => located(data.0).ok_or_else(|| {
                invalid(format_args!("{place}.file_data"), "be Base64, or a `data:` URL with Base64")
            })?,
            // Neither bare Base64 nor a URL tells the kind; a PDF is the one that all of them began with.
            (None, Some(data), _) => (Cow::Borrowed(PDF), Source::Data(data.0)),
            (None, None, Some(url)) => (Cow::Borrowed(PDF), Source::Url(url.0)),
            (None, None, None) => return Err(missing(format_args!("{place}.file_data"))),
        };
        let title = self.filename.map(|text| text.0);
        Ok(Part::Media(Media { mime, source, detail: None, title, cached: None }))
    }
}

/// A piece of what is said.
#[derive(Clone, Copy)]
pub(super) enum Piece<'p> {
    Text(&'p str),
    Refusal(&'p str),
    Media(&'p Media<'p>),
}

/// Writes a content: a string where that says it all. `text_type` names the parts that are text.
pub(super) fn push(out: &mut Vec<u8>, pieces: &[Piece<'_>], text_type: &str) {
    match pieces {
        [] => return push_string(out, ""),
        [Piece::Text(text)] => return push_string(out, text),
        _ => {}
    }
    for (at, piece) in pieces.iter().enumerate() {
        out.push(if at == 0 { b'[' } else { b',' });
        let mut part = Members::open(out);
        match piece {
            Piece::Text(text) => {
                part.text("type", text_type);
                part.text("text", text);
            }
            Piece::Refusal(text) => {
                part.text("type", "refusal");
                part.text("refusal", text);
            }
            Piece::Media(media) => push_media(&mut part, media),
        }
        part.close();
    }
    out.push(b']');
}

fn push_media(part: &mut Members<'_>, media: &Media<'_>) {
    let mime = &*media.mime;
    let unknown = mime.is_empty() && !matches!(media.source, Source::File(_));
    match &media.source {
        Source::Data(data) if mime.starts_with("audio/") => {
            push_audio(part, mime.get("audio/".len()..).unwrap_or_default(), data);
        }
        source if unknown || mime.starts_with("image/") => {
            part.text("type", "input_image");
            match source {
                Source::Data(data) => push_data_url(part.key("image_url"), image_type(mime, data), data),
                Source::Url(url) => part.text("image_url", url),
                Source::File(id) => part.text("file_id", id),
            }
            part.text("detail", media.detail.as_deref().unwrap_or("auto"));
        }
        source => {
            part.text("type", "input_file");
            match source {
                Source::Data(data) => {
                    part.text("filename", media.title.as_deref().unwrap_or("file"));
                    push_data_url(part.key("file_data"), mime, data);
                }
                // A name goes only with data: the provider refuses it elsewhere.
                Source::Url(url) => part.text("file_url", url),
                Source::File(id) => part.text("file_id", id),
            }
        }
    }
}
