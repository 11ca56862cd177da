//! From JSON Schema to what `parameters` and `responseSchema` take.
//!
//! Invariant: only members of the `Schema` message come out, since any other is answered with 400 ("Unknown
//! name"); what a limit loses makes the schema wider, never narrower, but for arrays that do not tell of what
//! they are: Google demands it, and gets texts. References are written out; where one leads back to itself an
//! object of any form stands. Alternatives stand alone ("when using `any_of`, it must be the only field set"),
//! so that the description that stood beside them goes into each.
//! Source: ai.google.dev/api/caching#Schema and the service's own words when it refuses.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::MAX_DEPTH;
use super::flat::{Flat, Object, list};
use crate::wire::gemini::lenient::{Members, Text};

/// Longest schema that is written: references may multiply.
const MAX_SCHEMA_BYTES: usize = 256 * 1024;

/// Where schemas keep what their references lead to.
const PLACES: [&str; 2] = ["$defs", "definitions"];
/// Most references to other places that are followed.
const MAX_WALKS: u32 = 64;

/// Members that mean the same on both sides.
const SAME: [&str; 3] = ["title", "default", "example"];

/// A schema is over [`MAX_SCHEMA_BYTES`] with its references written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire::gemini) struct TooLarge;

/// Appends the schema in Google's words.
///
/// # Errors
/// When it grows too large.
pub(in crate::wire::gemini) fn reduce(schema: &RawValue, out: &mut Vec<u8>) -> Result<(), TooLarge> {
    let mut definitions = BTreeMap::new();
    let root = Members::of(schema).unwrap_or_default();
    for place in PLACES {
        let kept = root.get(place).and_then(Members::of).unwrap_or_default().0;
        definitions.extend(kept.into_iter().map(|(name, kept)| ((place, name), kept)));
    }
    let mut reducer =
        Reducer { root: schema, open: Vec::new(), definitions, walks: 0, depth: 0, start: out.len() };
    reducer.push(schema, Outer::default(), out)
}

/// What alternatives take over from what they stand in.
#[derive(Clone, Copy, Default)]
struct Outer<'a> {
    nullable: bool,
    description: Option<&'a RawValue>,
}

struct Reducer<'a> {
    root: &'a RawValue,
    /// References that are being written out.
    open: Vec<String>,
    /// The schemas that references usually lead to, by where they are kept and by their name.
    definitions: BTreeMap<(&'static str, Cow<'a, str>), &'a RawValue>,
    /// References to anywhere else that were followed: each is a walk from the root.
    walks: u32,
    depth: u32,
    start: usize,
}

impl<'a> Reducer<'a> {
    fn push(&mut self, schema: &'a RawValue, outer: Outer<'a>, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        if out.len() - self.start > MAX_SCHEMA_BYTES {
            return Err(TooLarge);
        }
        self.depth += 1;
        let open = self.open.len();
        let mut flat = Flat { nullable: outer.nullable, ..Flat::default() };
        self.flatten(schema, &mut flat);
        while let Some(only) = flat.only_variant() {
            self.flatten(only, &mut flat);
        }
        let description = flat.members.get("description").or(outer.description);
        let kinds = flat.kinds();
        let outer = Outer { nullable: flat.nullable, description };
        let written = match kinds.as_slice() {
            _ if flat.variants.len() > 1 && flat.properties.0.is_empty() => {
                self.push_variants(&flat.variants, outer, out)
            }
            [] => self.push_plain(&flat, "", description, out),
            [kind] => self.push_plain(&flat, kind, description, out),
            kinds => self.push_kinds(&flat, kinds, description, out),
        };
        self.open.truncate(open);
        self.depth -= 1;
        written
    }

    fn flatten(&mut self, schema: &'a RawValue, flat: &mut Flat<'a>) {
        if self.depth > MAX_DEPTH {
            flat.endless = true;
            return;
        }
        self.depth += 1;
        for (name, value) in Members::of(schema).unwrap_or_default().0 {
            match &*name {
                "$ref" => self.follow(value, flat),
                "allOf" => {
                    for part in list(value) {
                        self.flatten(part, flat);
                    }
                }
                "anyOf" | "oneOf" if flat.variants.is_empty() => flat.variants = list(value),
                "nullable" => flat.nullable |= value.get() == "true",
                "properties" => {
                    for (name, value) in Members::of(value).unwrap_or_default().0 {
                        if flat.names.insert(name.clone()) {
                            flat.properties.0.push((name, value));
                        }
                    }
                }
                "required" => {
                    let names: Vec<Text<'a>> = serde_json::from_str(value.get()).unwrap_or_default();
                    flat.required.extend(names.into_iter().map(|name| name.0));
                }
                other if flat.wants(other) => flat.members.0.push((name, value)),
                _ => {}
            }
        }
        self.depth -= 1;
    }

    fn follow(&mut self, reference: &'a RawValue, flat: &mut Flat<'a>) {
        let Ok(Text(path)) = serde_json::from_str(reference.get()) else { return };
        if self.open.iter().any(|open| *open == path) || path == "#" {
            flat.endless = true;
            return;
        }
        if let Some(target) = self.resolve(&path) {
            self.open.push(path.into_owned());
            self.flatten(target, flat);
        }
    }

    /// A reference inside the document (RFC 6901); others lead nowhere.
    fn resolve(&mut self, path: &str) -> Option<&'a RawValue> {
        let steps = path.strip_prefix("#/")?;
        let unescape = |step: &str| step.replace("~1", "/").replace("~0", "~");
        if let Some((place, name)) = steps.split_once('/').filter(|(_, name)| !name.contains('/')) {
            let place = PLACES.into_iter().find(|known| *known == place);
            if let Some(kept) = place.and_then(|place| self.definitions.get(&(place, unescape(name).into())))
            {
                return Some(kept);
            }
        }
        self.walks += 1;
        let mut at = Some(self.root).filter(|_| self.walks <= MAX_WALKS)?;
        for step in steps.split('/') {
            at = Members::of(at)?.get(&unescape(step))?;
        }
        Some(at)
    }

    fn push_variants(
        &mut self,
        variants: &[&'a RawValue],
        outer: Outer<'a>,
        out: &mut Vec<u8>,
    ) -> Result<(), TooLarge> {
        for (at, variant) in variants.iter().enumerate() {
            out.extend_from_slice(if at == 0 { b"{\"anyOf\":[" } else { b"," });
            self.push(variant, outer, out)?;
        }
        out.extend_from_slice(b"]}");
        Ok(())
    }

    /// One schema for several types: one alternative each.
    fn push_kinds(
        &mut self,
        flat: &Flat<'a>,
        kinds: &[String],
        description: Option<&RawValue>,
        out: &mut Vec<u8>,
    ) -> Result<(), TooLarge> {
        for (at, kind) in kinds.iter().enumerate() {
            out.extend_from_slice(if at == 0 { b"{\"anyOf\":[" } else { b"," });
            self.push_plain(flat, kind, description, out)?;
        }
        out.extend_from_slice(b"]}");
        Ok(())
    }

    fn push_plain(
        &mut self,
        flat: &Flat<'a>,
        kind: &str,
        description: Option<&RawValue>,
        out: &mut Vec<u8>,
    ) -> Result<(), TooLarge> {
        let mut object = Object { out, first: true };
        object.out.push(b'{');
        if !kind.is_empty() {
            object.text("type", kind);
        }
        if let Some(description) = description {
            object.raw("description", description.get());
        }
        for (name, value) in flat.members.0.iter().filter(|(name, _)| SAME.contains(&&**name)) {
            object.raw(name, value.get());
        }
        if flat.nullable {
            object.raw("nullable", "true");
        }
        flat.push_limits(kind, &mut object);
        match kind {
            "OBJECT" => self.push_properties(flat, &mut object)?,
            "ARRAY" => self.push_items(flat, &mut object)?,
            _ => {}
        }
        object.out.push(b'}');
        Ok(())
    }

    fn push_properties(&mut self, flat: &Flat<'a>, object: &mut Object<'_>) -> Result<(), TooLarge> {
        // Google refuses an object whose list of properties is there and empty.
        if flat.properties.0.is_empty() {
            return Ok(());
        }
        object.name("properties");
        object.out.push(b'{');
        let mut inner = Object { out: object.out, first: true };
        for (name, value) in &flat.properties.0 {
            inner.name(name);
            self.push(value, Outer::default(), inner.out)?;
        }
        inner.out.push(b'}');
        let known = |name: &&Cow<'_, str>| flat.names.contains(*name);
        let names: Vec<&str> = flat.required.iter().filter(known).map(|name| &**name).collect();
        object.texts("required", &names);
        Ok(())
    }

    fn push_items(&mut self, flat: &Flat<'a>, object: &mut Object<'_>) -> Result<(), TooLarge> {
        let items = flat.members.get("items");
        let tuple = items.filter(|items| items.get().starts_with('[')).or(flat.members.get("prefixItems"));
        object.name("items");
        if let Some(tuple) = tuple.map(list).filter(|tuple| !tuple.is_empty()) {
            return match tuple.as_slice() {
                [only] => self.push(only, Outer::default(), object.out),
                several => self.push_variants(several, Outer::default(), object.out),
            };
        }
        if let Some(items) =
            items.filter(|items| Members::of(items).is_some_and(|members| !members.0.is_empty()))
        {
            return self.push(items, Outer::default(), object.out);
        }
        object.out.extend_from_slice(b"{\"type\":\"STRING\"}");
        Ok(())
    }
}
