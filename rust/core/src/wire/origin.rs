//! Who answers and when, where the provider's dialect does not tell.
//!
//! Invariant: what a provider told stands; an answer told in another dialect has an id, a model and a time.

use std::borrow::Cow;

use super::model::Event;
use super::translate::{Decode, Unreadable};

/// What is known of an answer without its provider.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// An id that no other answer has: clients tell answers apart by it, and the ids of calls are made of it.
    pub id: String,
    /// The model that was asked.
    pub model: String,
    /// Unix seconds.
    pub created_s: u64,
}

impl Origin {
    /// The event, with what it lacks.
    #[must_use]
    pub fn fill<'e>(&'e self, event: Event<'e>) -> Event<'e> {
        let or = |told: Cow<'e, str>, own: &'e str| if told.is_empty() { Cow::Borrowed(own) } else { told };
        match event {
            Event::Start { id, model, created_s } => Event::Start {
                id: or(id, &self.id),
                model: or(model, &self.model),
                created_s: if created_s == 0 { self.created_s } else { created_s },
            },
            event => event,
        }
    }
}

/// A decoder whose events lack nothing.
pub struct Filled {
    /// What reads the stream.
    pub decoder: Box<dyn Decode>,
    /// What it is filled from.
    pub origin: Origin,
}

impl Decode for Filled {
    fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Unreadable> {
        let Self { decoder, origin } = self;
        decoder.event(data, &mut |event| each(origin.fill(event)))
    }

    fn end(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        let Self { decoder, origin } = self;
        decoder.end(&mut |event| each(origin.fill(event)));
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::Origin;
    use crate::wire::model::Event;

    fn start<'e>(id: &'e str, model: &'e str, created_s: u64) -> Event<'e> {
        Event::Start { id: Cow::Borrowed(id), model: Cow::Borrowed(model), created_s }
    }

    #[test]
    fn what_was_told_stands_and_the_rest_is_filled() {
        let origin = Origin { id: "i".to_owned(), model: "m".to_owned(), created_s: 7 };
        assert_eq!(origin.fill(start("", "", 0)), start("i", "m", 7));
        assert_eq!(origin.fill(start("a", "b", 1)), start("a", "b", 1));
        assert_eq!(origin.fill(Event::End), Event::End);
    }
}
