//! Keys of the answer cache: equal for requests that mean the same, different for all others.
//!
//! Invariant: the canonical form is injective (every part is tagged and its length told), so two requests
//! share a key only if they are the same JSON up to member order, white space and spelling of numbers and
//! strings, outside the members that do not change the answer.

use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed, xxh3_128_with_seed};

use crate::json::{Cursor, Event, Kind, Malformed, Text};
use crate::wire::endpoint::{Dialect, Endpoint, Purpose};

/// Members of the top level that leave the answer as it is.
const IGNORED: [&str; 7] =
    ["stream", "stream_options", "user", "metadata", "store", "safety_identifier", "prompt_cache_key"];

/// Canonical forms up to this size are hashed in one piece, which is faster for them.
const ONE_PIECE_BYTES: usize = 16 * 1024;

/// The second hash must not follow from the first, so its seed is another one.
const SECOND_SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// Key of a request within one process: the key to look up, and the second hash that a hit must also match.
///
/// # Errors
/// When the body is not JSON.
pub fn cache_key(body: &[u8], tenant: &str, endpoint: Endpoint, seed: u64) -> Result<(u128, u64), Malformed> {
    let second_seed = seed ^ SECOND_SEED;
    if body.len() <= ONE_PIECE_BYTES {
        let mut bytes = Vec::with_capacity(body.len() * 2 + tenant.len() + 64);
        canonical(body, tenant, endpoint, &mut bytes)?;
        return Ok((xxh3_128_with_seed(&bytes, seed), xxh3_64_with_seed(&bytes, second_seed)));
    }
    let mut pair = Box::new(Pair(Xxh3::with_seed(seed), Xxh3::with_seed(second_seed)));
    canonical(body, tenant, endpoint, &mut *pair)?;
    Ok((pair.0.digest128(), pair.1.digest()))
}

/// Key of a request where hosts share a cache: no seed, and nobody can make two requests meet.
///
/// # Errors
/// When the body is not JSON.
pub fn cache_key_sha256(body: &[u8], tenant: &str, endpoint: Endpoint) -> Result<[u8; 32], Malformed> {
    let mut hasher = Sha256::new();
    canonical(body, tenant, endpoint, &mut hasher)?;
    Ok(hasher.finalize().into())
}

/// Where the canonical form goes.
trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

struct Pair(Xxh3, Xxh3);

impl Sink for Pair {
    fn put(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
        self.1.update(bytes);
    }
}

impl Sink for Sha256 {
    fn put(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

/// One member of an object, in document order, which puts those of its value right behind it.
struct Member {
    /// Offset of its name.
    name: usize,
    /// Index of the next member of the same object; 0 when there is none.
    next: usize,
}

fn canonical(body: &[u8], tenant: &str, endpoint: Endpoint, out: &mut impl Sink) -> Result<(), Malformed> {
    let members = index(body)?;
    // Streams and whole answers of one dialect stand for each other, so they share a key.
    out.put(match (endpoint.dialect(), endpoint.purpose()) {
        (Dialect::OpenAi, Purpose::Completion) => b"t",
        (Dialect::OpenAi, Purpose::Embedding) => b"e",
        (Dialect::OpenAi | Dialect::Bedrock, _) => b"c",
        (Dialect::Responses, _) => b"r",
        (Dialect::Anthropic, Purpose::Count) => b"n",
        (Dialect::Anthropic, _) => b"a",
        (Dialect::Gemini, Purpose::Count) => b"m",
        (Dialect::Gemini, Purpose::Embedding) if endpoint == Endpoint::EmbedContent => b"v",
        (Dialect::Gemini, Purpose::Embedding) => b"w",
        (Dialect::Gemini, _) => b"g",
        (Dialect::Ollama, Purpose::Embedding) => b"p",
        (Dialect::Ollama, _) => b"o",
        (Dialect::OllamaGenerate, _) => b"q",
    });
    put_len(out, b's', tenant.len());
    out.put(tenant.as_bytes());
    let mut form = Form { cursor: Cursor::new(body)?, members: &members, at: 0, out };
    if form.cursor.kind()? == Kind::Object { form.object(&IGNORED) } else { form.value() }
}

/// Where the members are, so that an object can be written in another order without a search.
fn index(body: &[u8]) -> Result<Vec<Member>, Malformed> {
    let mut cursor = Cursor::new(body)?;
    let mut members: Vec<Member> = Vec::with_capacity(32);
    let mut previous: Vec<Option<usize>> = Vec::with_capacity(8);
    cursor.walk(|event| match event {
        Event::Open(_) => previous.push(None),
        Event::Close => {
            previous.pop();
        }
        Event::Key(text) => {
            let at = members.len();
            let before = previous.last_mut().and_then(|last| last.replace(at));
            if let Some(before) = before.and_then(|before| members.get_mut(before)) {
                before.next = at;
            }
            members.push(Member { name: text.start - 1, next: 0 });
        }
        _ => {}
    })?;
    cursor.finish()?;
    Ok(members)
}

struct Form<'a, S> {
    cursor: Cursor<'a>,
    members: &'a [Member],
    /// Index of the first member that lies behind the cursor's position.
    at: usize,
    out: &'a mut S,
}

impl<S: Sink> Form<'_, S> {
    /// Nested at most as deep as the reader allows.
    fn value(&mut self) -> Result<(), Malformed> {
        match self.cursor.kind()? {
            Kind::Object => self.object(&[])?,
            Kind::Array => {
                self.cursor.open(b'[')?;
                self.out.put(b"[");
                let mut first = true;
                while self.cursor.item(&mut first)? {
                    self.value()?;
                }
                self.out.put(b"]");
            }
            Kind::String => {
                let text = self.cursor.string()?;
                self.string(&text);
            }
            Kind::Number => {
                let number = self.cursor.number()?;
                put_number(self.out, &self.cursor.body().as_bytes()[number]);
            }
            Kind::Null | Kind::Bool => {
                let word = self.cursor.skip()?;
                self.out.put(&self.cursor.body().as_bytes()[word.start..=word.start]);
            }
        }
        Ok(())
    }

    fn object(&mut self, ignored: &[&str]) -> Result<(), Malformed> {
        self.cursor.open(b'{')?;
        self.out.put(b"{");
        if self.cursor.member(&mut true)?.is_some() {
            let last = self.members_in_order(ignored)?;
            self.cursor.seek(last);
            self.cursor.member(&mut false)?;
        }
        self.out.put(b"}");
        Ok(())
    }

    /// Writes the members from the current one on; returns the offset behind the last of the document.
    fn members_in_order(&mut self, ignored: &[&str]) -> Result<usize, Malformed> {
        let mut order = Vec::with_capacity(12);
        let mut at = self.at;
        loop {
            self.cursor.seek(self.members[at].name);
            let name = self.cursor.string()?.read(self.cursor.body());
            order.push((name, at));
            match self.members[at].next {
                0 => break,
                next => at = next,
            }
        }
        let last = at;
        // Members of one name keep their order, since the last one counts to most readers.
        order.sort_by(|left, right| left.0.cmp(&right.0));
        let (mut end, mut behind) = (0, self.at);
        for (name, at) in order {
            self.cursor.seek(self.members[at].name);
            let text = self.cursor.name()?;
            self.at = at + 1;
            if ignored.contains(&&*name) {
                self.cursor.skip()?;
            } else {
                self.string(&text);
                self.value()?;
            }
            if at == last {
                (end, behind) = (self.cursor.offset(), self.at);
            }
        }
        self.at = behind;
        Ok(end)
    }

    fn string(&mut self, text: &Text) {
        put_len(self.out, b's', text.len_bytes);
        self.out.put(text.read(self.cursor.body()).as_bytes());
    }
}

fn put_len(out: &mut impl Sink, tag: u8, len: usize) {
    let mut bytes = [tag; 9];
    bytes[1..].copy_from_slice(&(len as u64).to_le_bytes());
    out.put(&bytes);
}

/// A number as its digits without zeros at either end, and the power of ten behind them.
fn put_number(out: &mut impl Sink, raw: &[u8]) {
    let (negative, raw) = raw.strip_prefix(b"-").map_or((false, raw), |rest| (true, rest));
    let split = raw.iter().position(|byte| byte | 0x20 == b'e').unwrap_or(raw.len());
    let (mantissa, power) = raw.split_at(split);
    let point = mantissa.iter().position(|&byte| byte == b'.').unwrap_or(mantissa.len());
    let (whole, fraction) = mantissa.split_at(point);
    let fraction = fraction.get(1..).unwrap_or_default();
    let digit = |at: usize| if at < whole.len() { whole[at] } else { fraction[at - whole.len()] };
    let len = whole.len() + fraction.len();
    let Some(first) = (0..len).find(|&at| digit(at) != b'0') else {
        put_len(out, b'd', 0);
        return;
    };
    let last = (first..len).rfind(|&at| digit(at) != b'0').unwrap_or(first);
    put_len(out, if negative { b'D' } else { b'd' }, last + 1 - first);
    out.put(&whole[first.min(whole.len())..(last + 1).min(whole.len())]);
    out.put(&fraction[first.saturating_sub(whole.len())..(last + 1).saturating_sub(whole.len())]);
    let power = i128::from(power_of_ten(power)) + (whole.len() as i128) - 1 - (last as i128);
    out.put(&power.to_le_bytes());
}

/// The exponent's value; one beyond 64 bits can only belong to a number that reads as zero.
fn power_of_ten(exponent: &[u8]) -> i64 {
    let digits = exponent.get(1..).unwrap_or_default();
    let (negative, digits) = match digits.first() {
        Some(b'-') => (true, &digits[1..]),
        Some(b'+') => (false, &digits[1..]),
        _ => (false, digits),
    };
    let value = digits
        .iter()
        .fold(0_i64, |value, &digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    if negative { -value } else { value }
}
