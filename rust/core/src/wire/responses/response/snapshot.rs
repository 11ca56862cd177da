//! A response as it stands: in the events that begin and end a stream, and as a whole answer.
//!
//! Invariant: every member that a client library demands is there. What the request asked for is not repeated:
//! the members that would say so have the values they have unasked.
//! Source: platform.openai.com/docs/api-reference/responses/object.

use super::super::words::{push_usage, shown_id};
use super::Reply;
use crate::usage::Usage;
use crate::wire::openai_chat::members::Members;

/// What all states of a response have in common.
#[derive(Debug)]
pub(in super::super) struct Snapshot {
    pub id: String,
    model: String,
    own_model: bool,
    created_s: u64,
}

/// A state of it.
#[derive(Clone, Copy)]
pub(in super::super) struct State<'s> {
    pub status: &'s str,
    /// Why it is incomplete.
    pub reason: Option<&'s str>,
    /// The finished items, as JSON.
    pub output: &'s [Vec<u8>],
    pub usage: Option<&'s Usage>,
}

impl Snapshot {
    pub(in super::super) fn new(reply: &Reply<'_>) -> Self {
        Self {
            id: shown_id(reply.id),
            model: reply.model.to_owned(),
            own_model: !reply.model.is_empty(),
            created_s: reply.created_s,
        }
    }

    /// Takes what the upstream tells of itself.
    pub(in super::super) fn start(&mut self, id: &str, model: &str, created_s: u64) {
        if !id.is_empty() {
            self.id = shown_id(id);
        }
        if !self.own_model {
            model.clone_into(&mut self.model);
        }
        if created_s > 0 {
            self.created_s = created_s;
        }
    }

    pub(in super::super) fn push(&self, out: &mut Vec<u8>, state: State<'_>) {
        let mut body = Members::open(out);
        body.text("id", &self.id);
        body.text("object", "response");
        body.count("created_at", self.created_s);
        body.text("status", state.status);
        body.raw("background", "false");
        body.raw("error", "null");
        match state.reason {
            None => body.raw("incomplete_details", "null"),
            Some(reason) => {
                let mut details = Members::open(body.key("incomplete_details"));
                details.text("reason", reason);
                details.close();
            }
        }
        body.raw("instructions", "null");
        body.raw("max_output_tokens", "null");
        body.text("model", &self.model);
        let list = body.key("output");
        list.push(b'[');
        for (at, item) in state.output.iter().enumerate() {
            if at > 0 {
                list.push(b',');
            }
            list.extend_from_slice(item);
        }
        list.push(b']');
        for (name, value) in [
            ("parallel_tool_calls", "true"),
            ("previous_response_id", "null"),
            ("reasoning", "{\"effort\":null,\"summary\":null}"),
            ("store", "false"),
            ("temperature", "null"),
            ("text", "{\"format\":{\"type\":\"text\"}}"),
            ("tool_choice", "\"auto\""),
            ("tools", "[]"),
            ("top_p", "null"),
            ("truncation", "\"disabled\""),
        ] {
            body.raw(name, value);
        }
        match state.usage {
            None => body.raw("usage", "null"),
            Some(usage) => push_usage(body.key("usage"), usage),
        }
        body.raw("user", "null");
        body.raw("metadata", "{}");
        body.close();
    }
}
