//! Events, written as the typed events of a stream.
//!
//! Invariant: items are added in the order of their indexes, and every item that was added is done before the
//! response is; calls stay open until the answer's finish, as their fragments may interleave. The dialect repeats
//! each text when it is done and once more in the finished response, so an answer is held until its end.

use super::super::error;
use super::super::response::{Reply, Snapshot, State};
use super::super::words::{item_id, status};
use super::items::{Body, Calling, Open, Part, entries, push_list, push_summary};
use crate::usage::Usage;
use crate::wire::model::{Event, Finish};
use crate::wire::openai_chat::members::Members;

/// Writes one stream. Choices but the first have no place in this dialect.
#[derive(Debug)]
pub struct Encoder {
    snapshot: Snapshot,
    events: Events,
    /// Items by index, as JSON; empty while an item is open.
    items: Vec<Vec<u8>>,
    open: Option<Open>,
    calls: Vec<Calling>,
    refused: bool,
    finish: Option<Finish>,
    usage: Option<Usage>,
    ended: bool,
}

/// Numbers the events.
#[derive(Debug, Default)]
struct Events {
    next: u64,
}

impl Events {
    fn tell(&mut self, kind: &str, out: &mut Vec<u8>, fill: impl FnOnce(&mut Members<'_>)) {
        for piece in ["event: ", kind, "\ndata: "] {
            out.extend_from_slice(piece.as_bytes());
        }
        let mut data = Members::open(out);
        data.text("type", kind);
        data.count("sequence_number", self.next);
        self.next += 1;
        fill(&mut data);
        data.close();
        out.extend_from_slice(b"\n\n");
    }

    /// Tells an event of an item, or of a part of it, which is told by the name and number of its index.
    fn of_item(
        &mut self,
        kind: &str,
        (id, index, part): (&str, usize, Option<(&str, usize)>),
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut Members<'_>),
    ) {
        self.tell(kind, out, |data| {
            data.text("item_id", id);
            data.count("output_index", index as u64);
            if let Some((name, number)) = part {
                data.count(name, number as u64);
            }
            fill(data);
        });
    }
}

impl Encoder {
    /// An encoder for one stream.
    #[must_use]
    pub fn new(reply: &Reply<'_>) -> Self {
        Self {
            snapshot: Snapshot::new(reply),
            events: Events::default(),
            items: Vec::new(),
            open: None,
            calls: Vec::new(),
            refused: false,
            finish: None,
            usage: None,
            ended: false,
        }
    }

    /// Appends what an event is on the wire.
    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        match event {
            Event::Start { id, model, created_s } => self.start((id, model, *created_s), out),
            Event::Text { choice: 0, text } => self.say(false, text, out),
            Event::Refusal { choice: 0, text } => {
                self.refused = true;
                self.say(true, text, out);
            }
            Event::Thinking { choice: 0, text } if !text.is_empty() => self.think(text, out),
            Event::Signature { choice: 0, signature } => {
                self.think("", out);
                self.close(Some(signature), "completed", out);
            }
            Event::Redacted { choice: 0, data } => {
                self.close(None, "completed", out);
                self.add(Body::Reasoning { text: None }, out);
                self.close(Some(data), "completed", out);
            }
            Event::ToolStart { choice: 0, call, id, name, signature } => {
                self.call(*call, (id, name, signature.as_deref()), out);
            }
            Event::ToolArguments { choice: 0, call, json } => self.argue(*call, json, out),
            Event::Logprobs { choice: 0, content } => self.measure(content, out),
            Event::Finish { choice: 0, reason, .. } => self.finish(*reason, out),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Error { kind, message } => {
                error::push_event(message, kind, self.events.next, out);
                self.ended = true;
            }
            Event::End => self.end(out),
            _ => {}
        }
    }

    /// Appends the whole response as it stands; `scrap` takes the events that end it.
    pub(in super::super) fn whole(&mut self, scrap: &mut Vec<u8>, out: &mut Vec<u8>) {
        self.finish(Finish::Other, scrap);
        let (status, reason) = status(self.finish.unwrap_or(Finish::Other), self.refused);
        self.snapshot.push(out, State { status, reason, output: &self.items, usage: self.usage.as_ref() });
    }

    fn start(&mut self, (id, model, created_s): (&str, &str, u64), out: &mut Vec<u8>) {
        self.snapshot.start(id, model, created_s);
        let state = State { status: "in_progress", reason: None, output: &[], usage: None };
        for kind in ["response.created", "response.in_progress"] {
            self.events.tell(kind, out, |data| self.snapshot.push(data.key("response"), state));
        }
    }

    /// Begins an item that text or thoughts go to.
    fn add(&mut self, body: Body, out: &mut Vec<u8>) {
        let index = self.items.len();
        let kind = if matches!(body, Body::Message { .. }) { "msg" } else { "rs" };
        let open = Open { index, id: item_id(kind, &self.snapshot.id, index), body };
        self.events.tell("response.output_item.added", out, |data| {
            data.count("output_index", index as u64);
            open.push_empty(data.key("item"));
        });
        self.items.push(Vec::new());
        self.open = Some(open);
    }

    fn say(&mut self, refusal: bool, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        self.begin_part(refusal, out);
        let Some(Open { index, id, body: Body::Message { part: Some(part), parts, .. } }) = &mut self.open
        else {
            return;
        };
        part.text.push_str(text);
        let place = (id.as_str(), *index, Some(("content_index", *parts)));
        let kind = if refusal { "response.refusal.delta" } else { "response.output_text.delta" };
        self.events.of_item(kind, place, out, |data| {
            data.text("delta", text);
            if !refusal {
                data.raw("logprobs", "[]");
            }
        });
    }

    /// Sees to it that a part of the kind is open, in a message.
    fn begin_part(&mut self, refusal: bool, out: &mut Vec<u8>) {
        if !matches!(&self.open, Some(Open { body: Body::Message { .. }, .. })) {
            self.close(None, "completed", out);
            self.add(Body::Message { part: None, parts: 0, done: Vec::new() }, out);
        }
        let other = |part: &Part| part.refusal != refusal;
        if matches!(&self.open, Some(Open { body: Body::Message { part: Some(part), .. }, .. }) if other(part))
        {
            self.close_part(out);
        }
        let Some(Open { index, id, body: Body::Message { part: part @ None, parts, .. } }) = &mut self.open
        else {
            return;
        };
        let new = part.insert(Part { refusal, ..Part::default() });
        let place = (id.as_str(), *index, Some(("content_index", *parts)));
        self.events.of_item("response.content_part.added", place, out, |data| new.push(data.key("part")));
    }

    fn close_part(&mut self, out: &mut Vec<u8>) {
        let Some(Open { index, id, body: Body::Message { part, parts, done } }) = &mut self.open else {
            return;
        };
        let Some(part) = part.take() else { return };
        let place = (id.as_str(), *index, Some(("content_index", *parts)));
        let (kind, name) = if part.refusal {
            ("response.refusal.done", "refusal")
        } else {
            ("response.output_text.done", "text")
        };
        self.events.of_item(kind, place, out, |data| {
            data.text(name, &part.text);
            if !part.refusal {
                push_list(data.key("logprobs"), &part.logprobs);
            }
        });
        self.events.of_item("response.content_part.done", place, out, |data| part.push(data.key("part")));
        if *parts > 0 {
            done.push(b',');
        }
        part.push(done);
        *parts += 1;
    }

    /// Tells probabilities of the text before them, with an empty fragment of it.
    fn measure(&mut self, content: &str, out: &mut Vec<u8>) {
        let Some(Open { index, id, body: Body::Message { part: Some(part), parts, .. } }) = &mut self.open
        else {
            return;
        };
        let entries = entries(content);
        if part.refusal || entries.is_empty() {
            return;
        }
        let place = (id.as_str(), *index, Some(("content_index", *parts)));
        self.events.of_item("response.output_text.delta", place, out, |data| {
            data.text("delta", "");
            push_list(data.key("logprobs"), &entries);
        });
        part.measure(&entries);
    }

    fn think(&mut self, fragment: &str, out: &mut Vec<u8>) {
        if !matches!(&self.open, Some(Open { body: Body::Reasoning { .. }, .. })) {
            self.close(None, "completed", out);
            self.add(Body::Reasoning { text: None }, out);
        }
        let Some(Open { index, id, body: Body::Reasoning { text } }) = &mut self.open else { return };
        let place = (id.as_str(), *index, Some(("summary_index", 0)));
        if text.is_none() {
            self.events.of_item("response.reasoning_summary_part.added", place, out, |data| {
                push_summary(data.key("part"), "");
            });
        }
        text.get_or_insert_default().push_str(fragment);
        if !fragment.is_empty() {
            let kind = "response.reasoning_summary_text.delta";
            self.events.of_item(kind, place, out, |data| data.text("delta", fragment));
        }
    }

    /// Ends the open message or thoughts, if there are any.
    fn close(&mut self, sealed: Option<&str>, status: &str, out: &mut Vec<u8>) {
        self.close_part(out);
        let Some(open) = self.open.take() else { return };
        if let Body::Reasoning { text: Some(text) } = &open.body {
            let place = (open.id.as_str(), open.index, Some(("summary_index", 0)));
            let kind = "response.reasoning_summary_text.done";
            self.events.of_item(kind, place, out, |data| data.text("text", text));
            let kind = "response.reasoning_summary_part.done";
            self.events.of_item(kind, place, out, |data| push_summary(data.key("part"), text));
        }
        let mut json = Vec::new();
        open.push(&mut json, status, sealed);
        self.done(open.index, json, out);
    }

    /// Tells that an item is done, and keeps it.
    fn done(&mut self, index: usize, json: Vec<u8>, out: &mut Vec<u8>) {
        self.events.tell("response.output_item.done", out, |data| {
            data.count("output_index", index as u64);
            data.key("item").extend_from_slice(&json);
        });
        if let Some(item) = self.items.get_mut(index) {
            *item = json;
        }
    }

    fn call(&mut self, call: u32, (id, name, mark): (&str, &str, Option<&str>), out: &mut Vec<u8>) {
        self.close(None, "completed", out);
        let index = self.items.len();
        let own = item_id("fc", &self.snapshot.id, index);
        let calling = Calling {
            call,
            index,
            call_id: if id.is_empty() { item_id("call", &self.snapshot.id, index) } else { id.to_owned() },
            id: own,
            name: name.to_owned(),
            arguments: String::new(),
            signature: mark.map(str::to_owned),
        };
        self.events.tell("response.output_item.added", out, |data| {
            data.count("output_index", index as u64);
            calling.push(data.key("item"), "in_progress");
        });
        self.items.push(Vec::new());
        self.calls.push(calling);
    }

    fn argue(&mut self, call: u32, json: &str, out: &mut Vec<u8>) {
        let Some(calling) = self.calls.iter_mut().rfind(|calling| calling.call == call) else { return };
        if !json.is_empty() {
            calling.arguments.push_str(json);
            let kind = "response.function_call_arguments.delta";
            self.events.of_item(kind, (&calling.id, calling.index, None), out, |data| {
                data.text("delta", json);
            });
        }
    }

    /// Ends all that is open, also what began behind the first finish; what the maximum or a filter cut is
    /// incomplete.
    fn finish(&mut self, reason: Finish, out: &mut Vec<u8>) {
        let reason = *self.finish.get_or_insert(reason);
        let (status, _) = status(reason, self.refused);
        self.close(None, status, out);
        // A client reads arguments as JSON; where a call has none, that is an empty object.
        let bare = |calling: &&Calling| calling.arguments.trim().is_empty();
        let bare: Vec<u32> = self.calls.iter().filter(bare).map(|calling| calling.call).collect();
        for call in bare {
            self.argue(call, "{}", out);
        }
        for calling in std::mem::take(&mut self.calls) {
            let kind = "response.function_call_arguments.done";
            self.events.of_item(kind, (&calling.id, calling.index, None), out, |data| {
                data.text("name", &calling.name);
                data.text("arguments", &calling.arguments);
            });
            let mut json = Vec::new();
            calling.push(&mut json, status);
            self.done(calling.index, json, out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.finish(Finish::Other, out);
        let (status, reason) = status(self.finish.unwrap_or(Finish::Other), self.refused);
        let kind = if reason.is_some() { "response.incomplete" } else { "response.completed" };
        let state = State { status, reason, output: &self.items, usage: self.usage.as_ref() };
        self.events.tell(kind, out, |data| self.snapshot.push(data.key("response"), state));
        self.ended = true;
    }
}
