//! The tool calls of one choice, put in order from fragments as vendors send them.
//!
//! Invariant: a call begins once, with its name, and before its first argument; its index never changes.

use std::borrow::Cow;

use super::run::Each;
use crate::wire::model::Event;

/// A piece of a call: of its beginning, or of its arguments, or all of it.
pub(super) struct Fragment<'f> {
    /// The upstream's index, which some leave out, and some have the same for all calls.
    pub key: Option<u32>,
    /// Empty, or the id; some repeat it.
    pub id: &'f str,
    /// Empty, or the tool; some repeat it.
    pub name: &'f str,
    /// Arguments.
    pub json: Cow<'f, str>,
    /// Google's mark.
    pub signature: Option<Cow<'f, str>>,
}

/// The calls of a choice.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Calling>);

#[derive(Debug, Default)]
struct Calling {
    key: Option<u32>,
    id: String,
    name: String,
    signature: Option<String>,
    begun: bool,
    argued: bool,
    /// Arguments that came before the name.
    held: String,
}

impl Calls {
    pub(super) fn any(&self) -> bool {
        self.0.iter().any(|call| call.begun)
    }

    /// Takes a fragment and tells what it adds.
    pub(super) fn take(&mut self, choice: u32, fragment: Fragment<'_>, each: &mut Each<'_>) {
        let at = self.locate(&fragment).unwrap_or_else(|| {
            self.0.push(Calling { key: fragment.key, ..Calling::default() });
            self.0.len() - 1
        });
        let Some(call) = self.0.get_mut(at) else { return };
        if !call.begun {
            // What is repeated later changes nothing.
            for (known, told) in [(&mut call.id, fragment.id), (&mut call.name, fragment.name)] {
                if known.is_empty() {
                    known.push_str(told);
                }
            }
            if let Some(signature) = fragment.signature {
                call.signature = Some(signature.into_owned());
            }
        }
        let place = (choice, number(at));
        let named = !call.name.is_empty();
        if !call.begun && named && (!call.id.is_empty() || !fragment.json.is_empty()) {
            call.begin(place, each);
        }
        if fragment.json.is_empty() {
            return;
        }
        call.argued = true;
        if call.begun {
            each(Event::ToolArguments { choice, call: place.1, json: fragment.json });
        } else {
            call.held.push_str(&fragment.json);
        }
    }

    /// Begins what waited for an id that never came; a call that has no name is none.
    pub(super) fn finish(&mut self, choice: u32, each: &mut Each<'_>) {
        for (at, call) in self.0.iter_mut().enumerate() {
            if !call.begun && !call.name.is_empty() {
                call.begin((choice, number(at)), each);
            }
        }
    }

    /// The call that a fragment continues; `None` where it begins one.
    fn locate(&self, fragment: &Fragment<'_>) -> Option<usize> {
        let same_key = |call: &Calling| fragment.key.is_none() || call.key == fragment.key;
        if !fragment.id.is_empty() {
            let known = self.0.iter().rposition(|call| call.id == fragment.id && same_key(call));
            if known.is_some() {
                return known;
            }
        }
        let last = self.0.iter().rposition(same_key)?;
        let call = self.0.get(last)?;
        let begins = match (fragment.id.is_empty(), fragment.name.is_empty()) {
            // Arguments alone, or a new id on each fragment.
            (_, true) => false,
            (false, false) => !call.id.is_empty() || call.begun,
            (true, false) if call.name.is_empty() => false,
            (true, false) if call.name != fragment.name => true,
            // A name once more: a repeat, unless whole calls come without index and id.
            (true, false) => {
                fragment.key.is_none() && call.argued && fragment.json.trim_start().starts_with('{')
            }
        };
        (!begins).then_some(last)
    }
}

impl Calling {
    fn begin(&mut self, (choice, call): (u32, u32), each: &mut Each<'_>) {
        self.begun = true;
        each(Event::ToolStart {
            choice,
            call,
            id: Cow::Borrowed(&self.id),
            name: Cow::Borrowed(&self.name),
            signature: self.signature.as_deref().map(Cow::Borrowed),
        });
        if !self.held.is_empty() {
            each(Event::ToolArguments { choice, call, json: Cow::Owned(std::mem::take(&mut self.held)) });
        }
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
