//! A choice of a stream, put together from its deltas.
//!
//! Invariant: texts join in order, tool calls join by their index, everything else keeps its last value.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Members, push_member, read, text};
use crate::json::push_string;

/// Members that are told once; a repetition is not more of them.
const TOLD_ONCE: [&str; 4] = ["role", "id", "type", "name"];

#[derive(Default)]
pub(super) struct Choice<'a> {
    message: BTreeMap<String, Part<'a>>,
    logprobs: Option<BTreeMap<String, Option<Vec<&'a RawValue>>>>,
    rest: Members<'a>,
}

enum Part<'a> {
    Null,
    Text(String),
    Raw(&'a RawValue),
    List(Vec<&'a RawValue>),
    Calls(BTreeMap<u64, BTreeMap<String, Part<'a>>>),
    Fields(BTreeMap<String, Part<'a>>),
}

impl<'a> Choice<'a> {
    pub(super) fn add(&mut self, mut choice: Members<'a>) -> Option<()> {
        choice.remove("index");
        if let Some(delta) = choice.remove("delta").filter(|delta| delta.get() != "null") {
            add_fields(&mut self.message, read(delta)?)?;
        }
        if let Some(piece) = choice.remove("text") {
            add_fields(&mut self.message, Members::from([(Cow::Borrowed("text"), piece)]))?;
        }
        if let Some(logprobs) = choice.remove("logprobs").filter(|logprobs| logprobs.get() != "null") {
            let all = self.logprobs.get_or_insert_default();
            for (name, list) in read::<BTreeMap<String, Option<Vec<&'a RawValue>>>>(logprobs)? {
                let known = all.entry(name).or_default();
                if let Some(list) = list {
                    known.get_or_insert_default().extend(list);
                }
            }
        }
        for (name, value) in choice {
            if value.get() != "null" || !self.rest.contains_key(&name) {
                self.rest.insert(name, value);
            }
        }
        Some(())
    }

    /// Appends the members of the whole choice, after its index.
    pub(super) fn write(mut self, out: &mut Vec<u8>, chat: bool) {
        if chat {
            self.message.entry("role".to_owned()).or_insert_with(|| Part::Text("assistant".to_owned()));
            self.message.entry("content".to_owned()).or_insert(Part::Null);
            self.message.entry("refusal".to_owned()).or_insert(Part::Null);
            out.extend_from_slice(b",\"message\":");
            write_fields(out, &self.message);
        } else {
            out.extend_from_slice(b",\"text\":");
            self.message.get("text").unwrap_or(&Part::Text(String::new())).write(out);
        }
        out.extend_from_slice(b",\"logprobs\":");
        match &self.logprobs {
            None => out.extend_from_slice(b"null"),
            Some(lists) => write_lists(out, lists),
        }
        self.rest.entry(Cow::Borrowed("finish_reason")).or_insert(RawValue::NULL);
        for (name, value) in &self.rest {
            push_member(out, name, value.get(), false);
        }
    }
}

fn add_fields<'a>(fields: &mut BTreeMap<String, Part<'a>>, delta: Members<'a>) -> Option<()> {
    for (name, value) in delta {
        // Pieces of audio are not a text to be joined.
        if name == "audio" && value.get() != "null" {
            return None;
        }
        let part = fields.entry(name.clone().into_owned()).or_insert(Part::Null);
        add_part(part, &name, value)?;
    }
    Some(())
}

fn add_part<'a>(part: &mut Part<'a>, name: &str, value: &'a RawValue) -> Option<()> {
    match (value.get().as_bytes().first(), &mut *part) {
        (Some(b'n'), _) => {}
        (Some(b'"'), Part::Text(known)) if TOLD_ONCE.contains(&name) => {
            if known.is_empty() {
                *known = text(value)?;
            }
        }
        (Some(b'"'), Part::Text(known)) => known.push_str(&text(value)?),
        (Some(b'"'), _) => *part = Part::Text(text(value)?),
        (Some(b'['), Part::Calls(calls)) => add_calls(calls, value)?,
        (Some(b'['), _) if name == "tool_calls" => {
            let mut calls = BTreeMap::new();
            add_calls(&mut calls, value)?;
            *part = Part::Calls(calls);
        }
        (Some(b'['), Part::List(known)) => known.extend(read::<Vec<&'a RawValue>>(value)?),
        (Some(b'['), _) => *part = Part::List(read(value)?),
        (Some(b'{'), Part::Fields(known)) => add_fields(known, read(value)?)?,
        (Some(b'{'), _) => {
            let mut fields = BTreeMap::new();
            add_fields(&mut fields, read(value)?)?;
            *part = Part::Fields(fields);
        }
        _ => *part = Part::Raw(value),
    }
    Some(())
}

fn add_calls<'a>(calls: &mut BTreeMap<u64, BTreeMap<String, Part<'a>>>, list: &'a RawValue) -> Option<()> {
    for (at, mut call) in read::<Vec<Members<'a>>>(list)?.into_iter().enumerate() {
        let index = call.remove("index").map_or(Some(at as u64), |index| index.get().parse().ok())?;
        add_fields(calls.entry(index).or_default(), call)?;
    }
    Some(())
}

impl Part<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Text(text) => push_string(out, text),
            Self::Raw(raw) => out.extend_from_slice(raw.get().as_bytes()),
            Self::List(list) => write_list(out, list.iter(), write_raw),
            Self::Calls(calls) => write_list(out, calls.values(), write_fields),
            Self::Fields(fields) => write_fields(out, fields),
        }
    }
}

fn write_fields(out: &mut Vec<u8>, fields: &BTreeMap<String, Part<'_>>) {
    out.push(b'{');
    for (at, (name, part)) in fields.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_string(out, name);
        out.push(b':');
        part.write(out);
    }
    out.push(b'}');
}

fn write_lists(out: &mut Vec<u8>, lists: &BTreeMap<String, Option<Vec<&RawValue>>>) {
    out.push(b'{');
    for (at, (name, list)) in lists.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_string(out, name);
        out.push(b':');
        match list {
            None => out.extend_from_slice(b"null"),
            Some(list) => write_list(out, list.iter(), write_raw),
        }
    }
    out.push(b'}');
}

fn write_raw(out: &mut Vec<u8>, raw: &&RawValue) {
    out.extend_from_slice(raw.get().as_bytes());
}

fn write_list<T>(out: &mut Vec<u8>, items: impl Iterator<Item = T>, write: impl Fn(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}
