//! What an answer is called where its provider does not tell.
//!
//! Invariant: what the provider tells stands; only an id or a name that is empty, and a time of 0, are filled in.
//!
//! Signatures are marked with their maker's sign, see [`super::provenance`].
//!
//! Ids of calls are made of the answer's id where the provider has none. Were that empty, the calls of two turns
//! would share theirs, and a result could not tell which it answers.

use std::borrow::Cow;

use super::conversation::{Gather, Voice};
use super::endpoint::Dialect;
use super::model::Event;
use super::provenance::Marker;
use super::translate::Encode;

/// A codec whose answers begin with a name.
pub(super) struct Introduced<T: ?Sized> {
    id: String,
    model: String,
    created_s: u64,
    marker: Option<Marker>,
    codec: Box<T>,
}

impl<T: ?Sized> Introduced<T> {
    /// `caller` is the dialect that the answer is told in.
    pub(super) fn by(voice: &Voice<'_>, caller: Dialect, codec: Box<T>) -> Self {
        let Voice { id, model, created_s, source, .. } = *voice;
        let marker = Marker::between(source, caller);
        Self { id: id.to_owned(), model: model.to_owned(), created_s, marker, codec }
    }

    /// The codec, and the event as it goes there, where that is not as it came.
    fn begin<'e>(&mut self, event: &Event<'e>) -> (&mut T, Option<Event<'e>>) {
        let Event::Start { id, model, created_s } = event else {
            return (&mut self.codec, self.marker.and_then(|marker| marker.mark(event)));
        };
        let or = |told: &str, own: &str| Cow::Owned(if told.is_empty() { own } else { told }.to_owned());
        let start = Event::Start {
            id: or(id, &self.id),
            model: or(model, &self.model),
            created_s: if *created_s == 0 { self.created_s } else { *created_s },
        };
        (&mut self.codec, Some(start))
    }
}

impl Encode for Introduced<dyn Encode> {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        let (codec, start) = self.begin(event);
        codec.event(start.as_ref().unwrap_or(event), out);
    }
}

impl Gather for Introduced<dyn Gather> {
    fn event(&mut self, event: &Event<'_>) {
        let (codec, start) = self.begin(event);
        codec.event(start.as_ref().unwrap_or(event));
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.codec.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::conversation::{Voice, encoder, gatherer};
    use crate::wire::endpoint::{Dialect, Shape};
    use crate::wire::model::Event;

    #[test]
    fn what_the_provider_tells_stands_and_the_rest_is_filled_in() {
        let voice = Voice { id: "req1", model: "asked", created_s: 7, include_usage: true, source: None };
        for (id, model, created_s, expected) in [
            ("", "", 0, r#""id":"chatcmpl-req1","object":"chat.completion","created":7,"model":"asked""#),
            ("a", "b", 3, r#""id":"chatcmpl-a","object":"chat.completion","created":3,"model":"b""#),
        ] {
            let start = Event::Start { id: id.into(), model: model.into(), created_s };
            let mut gathered = gatherer(Dialect::OpenAi, voice);
            gathered.event(&start);
            let body = String::from_utf8(gathered.finish()).unwrap();
            assert!(body.contains(expected), "{body}");
        }
    }

    #[test]
    fn calls_of_two_answers_have_different_ids() {
        let calls = |id| {
            let mut encoder = encoder(Dialect::OpenAi, Shape::Sse, Voice { id, ..Voice::default() });
            let mut out = Vec::new();
            encoder.event(&Event::Start { id: "".into(), model: "m".into(), created_s: 1 }, &mut out);
            let call =
                Event::ToolStart { choice: 0, call: 0, id: "".into(), name: "f".into(), signature: None };
            encoder.event(&call, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert!(calls("req1").contains(r#""id":"call_req1_0_0""#), "{}", calls("req1"));
        assert!(calls("req2").contains(r#""id":"call_req2_0_0""#));
    }
}
