//! Which call a tool's result answers, for dialects that do not all have ids.
//!
//! Invariant: a call is answered once: by its id where it has one, else by its name, else in its order; a
//! match takes constant time, however long the conversation.

use std::collections::{HashMap, VecDeque};

/// The calls so far, to be matched with their results in constant time.
#[derive(Debug, Default)]
pub(super) struct Calls<'c> {
    names: Vec<(&'c str, bool)>,
    by_id: HashMap<&'c str, VecDeque<usize>>,
    /// Those without an id.
    by_name: HashMap<&'c str, VecDeque<usize>>,
    /// No call before this one waits for a result.
    oldest: usize,
}

impl<'c> Calls<'c> {
    /// Takes a call and gives its place.
    pub(super) fn called(&mut self, id: &'c str, name: &'c str) -> usize {
        let place = self.names.len();
        let (known, key) = if id.is_empty() { (&mut self.by_name, name) } else { (&mut self.by_id, id) };
        known.entry(key).or_default().push_back(place);
        self.names.push((name, false));
        place
    }

    /// The call that a result answers: its place and name. `None` when there is none that is still open.
    pub(super) fn answered(&mut self, id: &str, name: Option<&str>) -> Option<(usize, &'c str)> {
        let names = &self.names;
        let open = |place: &usize| names.get(*place).is_some_and(|(_, answered)| !answered);
        let place = match name {
            _ if !id.is_empty() => next(self.by_id.get_mut(id)?, open)?,
            Some(name) => next(self.by_name.get_mut(name)?, open)?,
            None => self.first_open()?,
        };
        let (name, answered) = self.names.get_mut(place)?;
        *answered = true;
        Some((place, name))
    }

    fn first_open(&mut self) -> Option<usize> {
        while self.names.get(self.oldest)?.1 {
            self.oldest += 1;
        }
        Some(self.oldest)
    }
}

fn next(places: &mut VecDeque<usize>, open: impl Fn(&usize) -> bool) -> Option<usize> {
    while let Some(place) = places.pop_front() {
        if open(&place) {
            return Some(place);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Calls;

    #[test]
    fn calls_are_answered_once() {
        let mut calls = Calls::default();
        for (id, name) in [("a", "f"), ("", "f"), ("", "g"), ("", "f"), ("a", "h")] {
            calls.called(id, name);
        }
        assert_eq!(calls.answered("a", None), Some((0, "f")));
        assert_eq!(calls.answered("", None), Some((1, "f")));
        assert_eq!(calls.answered("", Some("f")), Some((3, "f")));
        assert_eq!(calls.answered("", Some("f")), None);
        assert_eq!(calls.answered("b", Some("g")), None);
        assert_eq!(calls.answered("a", Some("x")), Some((4, "h")));
        assert_eq!(calls.answered("", None), Some((2, "g")));
        assert_eq!(calls.answered("", None), None);
    }
}
