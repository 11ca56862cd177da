//! Whose a signature is: makers of models sign what their models think, and refuse what another signed.
//!
//! Invariant: a signature that leaves in another maker's dialect bears its maker's mark, and comes to nobody but
//! that maker again, as it was; thoughts go on without one. The mark keeps base64 what is base64, since callers
//! of Gemini's dialect decode it.

use std::borrow::Cow;

use memchr::memmem;

use super::base64;
use super::endpoint::Dialect;
use super::model::{Chat, Dropped, Event, Part};

/// Who makes the models behind a dialect, as far as they sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    Anthropic,
    Google,
    OpenAi,
}

/// What every mark begins with.
const MARK: &str = "Hg";
/// The marks of each maker: of a signature that stands behind it as it is, and of one in base64.
const MARKS: [(Maker, &str, &str); 3] =
    [(Maker::Anthropic, "HgAa", "HgAb"), (Maker::Google, "HgGa", "HgGb"), (Maker::OpenAi, "HgRa", "HgRb")];

/// Stands where a dialect wants a signature and nobody signed.
pub(super) const UNSIGNED: &str = "HgNa";

const fn maker(dialect: Dialect) -> Option<Maker> {
    match dialect {
        Dialect::Anthropic | Dialect::Bedrock => Some(Maker::Anthropic),
        Dialect::Gemini => Some(Maker::Google),
        Dialect::Responses => Some(Maker::OpenAi),
        Dialect::OpenAi | Dialect::Ollama | Dialect::OllamaGenerate => None,
    }
}

/// Marks what leaves a provider of one dialect for a caller of another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marker(&'static str, &'static str);

impl Marker {
    /// None where nothing needs a mark: nobody signs, or the caller's own maker did.
    pub(super) fn between(provider: Option<Dialect>, caller: Dialect) -> Option<Self> {
        let signer = maker(provider?).filter(|signer| maker(caller) != Some(*signer))?;
        MARKS.iter().find(|(known, ..)| *known == signer).map(|(_, plain, coded)| Self(plain, coded))
    }

    /// The event with its signature marked; None for one that has none.
    pub(super) fn mark<'a>(self, event: &Event<'a>) -> Option<Event<'a>> {
        Some(match event {
            Event::Signature { choice, signature } => {
                Event::Signature { choice: *choice, signature: self.text(signature) }
            }
            Event::Redacted { choice, data } => Event::Redacted { choice: *choice, data: self.text(data) },
            Event::ToolStart { choice, call, id, name, signature: Some(signature) } => Event::ToolStart {
                choice: *choice,
                call: *call,
                id: id.clone(),
                name: name.clone(),
                signature: Some(self.text(signature)),
            },
            _ => return None,
        })
    }

    fn text<'a>(self, signature: &str) -> Cow<'a, str> {
        let is_base64 = signature.len().is_multiple_of(4) && base64::decode(signature).is_some();
        let marked = if is_base64 {
            [self.0, signature].concat()
        } else {
            [self.1, &base64::encode(signature.as_bytes())].concat()
        };
        Cow::Owned(marked)
    }
}

/// Who signed, and the signature as the provider gave it; None for one without a mark.
fn signer(signature: &str) -> Option<(Maker, String)> {
    if !signature.starts_with(MARK) {
        return None;
    }
    MARKS.iter().find_map(|(maker, plain, coded)| {
        if let Some(signature) = signature.strip_prefix(plain) {
            return Some((*maker, signature.to_owned()));
        }
        let bytes = base64::decode(signature.strip_prefix(coded)?)?;
        Some((*maker, String::from_utf8(bytes).ok()?))
    })
}

/// Leaves a request no signatures but those that the provider's own maker made, and says in `dropped` that there
/// were others; what nobody marked is taken for the caller's own maker's, where its dialect has one.
pub fn keep_own(chat: &mut Chat<'_>, caller: Dialect, to: Dialect, dropped: &mut Dropped) {
    let mut keep = |signature: &mut Option<Cow<'_, str>>| {
        let Some(text) = signature else { return };
        if *text == UNSIGNED {
            *signature = None;
            return;
        }
        let signed = signer(text);
        let owner = signed.as_ref().map(|(owner, _)| *owner).or_else(|| maker(caller));
        if owner.is_some_and(|owner| maker(to) != Some(owner)) {
            *signature = None;
            dropped.note("signature");
        } else if let Some((_, plain)) = signed {
            *signature = Some(Cow::Owned(plain));
        }
    };
    for turn in &mut chat.turns {
        turn.parts.retain_mut(|part| match part {
            Part::Thinking { signature, .. } | Part::ToolCall { signature, .. } => {
                keep(signature);
                true
            }
            Part::Redacted(data) => {
                let mut signature = Some(std::mem::take(data));
                keep(&mut signature);
                signature.map(|kept| *data = kept).is_some()
            }
            _ => true,
        });
    }
}

/// Whether a body in `dialect` bears a mark: it must not go on as it is.
#[must_use]
pub fn is_marked(body: &[u8], dialect: Dialect) -> bool {
    maker(dialect).is_some()
        && memmem::find_iter(body, b"\"Hg").any(|at| {
            let mark = body.get(at + 1..at + 5).unwrap_or_default();
            let is = |known: &str| mark == known.as_bytes();
            is(UNSIGNED) || MARKS.iter().any(|(_, plain, coded)| is(plain) || is(coded))
        })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{Marker, is_marked, keep_own};
    use crate::wire::endpoint::Dialect;
    use crate::wire::model::{Chat, Dropped, Event, Part, Role, Turn};

    fn told(from: Dialect, caller: Dialect, signature: &'static str) -> String {
        let event = Event::Signature { choice: 0, signature: Cow::Borrowed(signature) };
        let marked = Marker::between(Some(from), caller).and_then(|marker| marker.mark(&event));
        match marked.unwrap_or(event) {
            Event::Signature { signature, .. } => signature.into_owned(),
            _ => unreachable!(),
        }
    }

    /// The signature that a provider gets of what a caller gives back.
    fn given(caller: Dialect, to: Dialect, signature: &str) -> Option<String> {
        let thought = Part::Thinking { text: "t".into(), signature: Some(signature.to_owned().into()) };
        let sealed = Part::Redacted(signature.to_owned().into());
        let turn = Turn { role: Role::Assistant, name: None, parts: vec![thought, sealed] };
        let mut chat = Chat { turns: vec![turn], ..Chat::default() };
        let mut dropped = Dropped::default();
        keep_own(&mut chat, caller, to, &mut dropped);
        let parts = &chat.turns[0].parts;
        let Part::Thinking { signature, .. } = &parts[0] else { unreachable!() };
        assert_eq!(parts.len(), 1 + usize::from(signature.is_some()), "sealed thoughts go the same way");
        assert_eq!(signature.is_none(), dropped.0 == ["signature"]);
        signature.as_deref().map(str::to_owned)
    }

    #[test]
    fn a_signature_comes_back_to_its_maker_as_it_was_and_to_nobody_else() {
        use Dialect::{Anthropic, Bedrock, Gemini, Ollama, OpenAi, Responses};
        let callers = [OpenAi, Responses, Anthropic, Gemini, Ollama];
        for (from, signature) in [
            (Anthropic, "ErUBCkYIARgC"),
            (Bedrock, "no base64!"),
            (Gemini, "CiQBcsj9Y9=="),
            (Responses, "rs_1:gAAAA"),
        ] {
            for caller in callers {
                let told = told(from, caller, signature);
                assert_eq!(given(caller, from, &told).as_deref(), Some(signature), "{from:?} {caller:?}");
                for other in [Anthropic, Gemini, Responses] {
                    if super::maker(other) != super::maker(from) {
                        assert_eq!(given(caller, other, &told), None, "{from:?} {caller:?} {other:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_callers_decode_stays_base64() {
        for (from, signature) in [(Dialect::Anthropic, "ErUBCkYIARgC"), (Dialect::Responses, "rs_1:gAAAA")] {
            let told = told(from, Dialect::Gemini, signature);
            assert!(told.len().is_multiple_of(4) && super::base64::decode(&told).is_some(), "{told}");
        }
    }

    #[test]
    fn what_nobody_marked_is_the_caller_s_own_maker_s() {
        assert_eq!(given(Dialect::Anthropic, Dialect::Bedrock, "sig").as_deref(), Some("sig"));
        assert_eq!(given(Dialect::Anthropic, Dialect::Gemini, "sig"), None);
        assert_eq!(given(Dialect::OpenAi, Dialect::Gemini, "sig").as_deref(), Some("sig"));
        assert_eq!(given(Dialect::Gemini, Dialect::OpenAi, "sig"), None);
    }

    #[test]
    fn what_nobody_signed_goes_on_unsigned_and_is_no_loss() {
        let unsigned = Part::Thinking { text: "t".into(), signature: Some(super::UNSIGNED.into()) };
        let turn = Turn { role: Role::Assistant, name: None, parts: vec![unsigned] };
        let mut chat = Chat { turns: vec![turn], ..Chat::default() };
        let mut dropped = Dropped::default();
        keep_own(&mut chat, Dialect::Anthropic, Dialect::Anthropic, &mut dropped);
        assert!(matches!(chat.turns[0].parts[0], Part::Thinking { signature: None, .. }));
        assert!(dropped.0.is_empty());
    }

    #[test]
    fn marks_are_seen_in_bodies() {
        assert!(is_marked(br#"{"signature":"HgGaCiQ="}"#, Dialect::Anthropic));
        assert!(is_marked(br#"{"signature":"HgNa"}"#, Dialect::Anthropic));
        for (body, dialect) in [
            (&br#"{"signature":"CiQ="}"#[..], Dialect::Anthropic),
            (br#"{"text":"Hg"}"#, Dialect::Anthropic),
            (br#"{"text":"Hg"#, Dialect::Gemini),
            (br#"{"signature":"HgGaCiQ="}"#, Dialect::OpenAi),
        ] {
            assert!(!is_marked(body, dialect));
        }
    }
}
