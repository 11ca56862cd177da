//! Gemini's requests: read, written, and both in turn; schemas in either direction.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic, its helpers too")]

use std::fs;
use std::path::PathBuf;

use headgate_core::wire::gemini::request::{Schemas, Settings, decode, encode};
use headgate_core::wire::model::{
    Chat, Dropped, Effort, Format, Media, Part, Reasoning, Refused, Role, Source, Tool, ToolChoice, Turn,
};
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

const SCENES: [&str; 4] = ["text", "text_stream", "parallel_tools", "thinking"];

fn golden(scene: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/gemini").join(scene);
    let path = path.join("request.json");
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn again(body: &[u8], settings: Settings<'_>) -> (Value, Dropped) {
    let mut schemas = Schemas::default();
    let chat = decode(body, "gemini-2.5-flash", false, &mut schemas).unwrap();
    written(&chat, settings)
}

fn written(chat: &Chat<'_>, settings: Settings<'_>) -> (Value, Dropped) {
    let mut dropped = Dropped::default();
    let body = encode(chat, &settings, &mut dropped).unwrap();
    (serde_json::from_slice(&body).unwrap(), dropped)
}

fn refused(body: &Value) -> Refused {
    let body = if let Value::String(text) = body { text.clone() } else { body.to_string() };
    decode(body.as_bytes(), "m", false, &mut Schemas::default()).unwrap_err()
}

fn raw(text: &str) -> &RawValue {
    serde_json::from_str(text).unwrap()
}

fn text(text: &str) -> Part<'_> {
    Part::Text { text: text.into(), cached: None }
}

fn turn(role: Role, parts: Vec<Part<'_>>) -> Turn<'_> {
    Turn { role, name: None, parts }
}

fn call<'a>(id: &'a str, name: &'a str, arguments: &'a str) -> Part<'a> {
    Part::ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), signature: None }
}

fn result<'a>(id: &'a str, parts: Vec<Part<'a>>) -> Part<'a> {
    Part::ToolResult { id: id.into(), name: None, parts, failed: false, cached: None }
}

fn image(data: &str) -> Part<'_> {
    let source = Source::Data(data.into());
    Part::Media(Media { mime: "image/png".into(), source, detail: None, title: None, cached: None })
}

fn chat(turns: Vec<Turn<'_>>) -> Chat<'_> {
    Chat { turns, ..Chat::default() }
}

fn question<'a>() -> Chat<'a> {
    chat(vec![turn(Role::User, vec![text("?")])])
}

/// The schema that a caller's schema becomes.
fn reduced(schema: &Value) -> Value {
    let body = schema.to_string();
    let schema = raw(&body);
    let format = Some(Format::Schema { name: None, description: None, schema, strict: None });
    let (body, _) = written(&Chat { format, ..question() }, Settings::default());
    body["generationConfig"]["responseSchema"].clone()
}

/// What may differ between two requests that mean the same.
fn normal(mut body: Value) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(members) => {
                if let Some(parts) = members.get_mut("parts").filter(|parts| parts.is_object()) {
                    *parts = json!([parts.take()]);
                }
                if let Some(Value::String(kind)) = members.get_mut("type") {
                    *kind = kind.to_ascii_uppercase();
                }
                members.values_mut().for_each(walk);
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            Value::Number(number) => *value = json!(number.as_f64()),
            _ => {}
        }
    }
    let members = body.as_object_mut().unwrap();
    if let Some(system) = members.remove("system_instruction") {
        members.insert("systemInstruction".into(), system);
    }
    for content in members["contents"].as_array_mut().unwrap() {
        content.as_object_mut().unwrap().entry("role").or_insert_with(|| json!("user"));
    }
    // Only what may be called is on offer.
    if let Some(names) = body.pointer("/toolConfig/functionCallingConfig/allowedFunctionNames").cloned() {
        let names = names.as_array().unwrap().clone();
        let tools = body.pointer_mut("/tools/0/functionDeclarations").unwrap().as_array_mut().unwrap();
        tools.retain(|tool| names.contains(&tool["name"]));
    }
    walk(&mut body);
    body
}

#[test]
fn a_request_read_and_written_again_means_the_same() {
    for scene in SCENES {
        let body = golden(scene);
        let (got, dropped) = again(&body, Settings::default());
        assert_eq!(normal(got), normal(serde_json::from_slice(&body).unwrap()), "{scene}");
        assert_eq!(dropped, Dropped::default(), "{scene}");
    }
}

#[test]
fn thoughts_in_pieces_are_one_thought() {
    let body = json!({"contents":[{"role":"model","parts":[
            {"text":"Six","thought":true}, {"text":" times","thought":true}, {"text":"","thoughtSignature":"s"},
            {"text":"next","thought":true}, {"text":"42."}, {"text":"","thoughtSignature":"t"}]}]});
    let body = body.to_string();
    let mut schemas = Schemas::default();
    let chat = decode(body.as_bytes(), "m", false, &mut schemas).unwrap();
    let thought = |text: &'static str, signature: Option<&'static str>| Part::Thinking {
        text: text.into(),
        signature: signature.map(Into::into),
    };
    let wanted = [
        thought("Six times", Some("s")),
        thought("next", None),
        Part::Text { text: "42.".into(), cached: None },
        thought("", Some("t")),
    ];
    assert_eq!(format!("{:?}", chat.turns[0].parts), format!("{wanted:?}"));
}

#[test]
fn both_spellings_of_names_are_read() {
    let camel = json!({"contents":[{"role":"model","parts":[
            {"functionCall":{"name":"f","args":{}},"thoughtSignature":"s"}]},
        {"parts":[{"functionResponse":{"name":"f","response":{"a":1}}},
            {"inlineData":{"mimeType":"image/png","data":"aGk="}},
            {"fileData":{"mimeType":"image/png","fileUri":"gs://b/o"}}]}],
        "systemInstruction":{"parts":[{"text":"s"}]},
        "tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"properties":{"a":{"type":"string"}}}}]}],
        "toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}},
        "generationConfig":{"topP":0.5,"topK":4,"candidateCount":2,"maxOutputTokens":9,"stopSequences":["x"],
            "presencePenalty":0.5,"frequencyPenalty":0.25,"responseLogprobs":true,"logprobs":3,
            "responseMimeType":"application/json","responseSchema":{"type":"STRING"},
            "thinkingConfig":{"thinkingBudget":128,"includeThoughts":true}}});
    let mut snake = camel.to_string();
    for name in [
        "functionCall",
        "thoughtSignature",
        "functionResponse",
        "inlineData",
        "mimeType",
        "fileData",
        "fileUri",
        "systemInstruction",
        "functionDeclarations",
        "parametersJsonSchema",
        "toolConfig",
        "functionCallingConfig",
        "allowedFunctionNames",
        "generationConfig",
        "topP",
        "topK",
        "candidateCount",
        "maxOutputTokens",
        "stopSequences",
        "presencePenalty",
        "frequencyPenalty",
        "responseLogprobs",
        "responseMimeType",
        "responseSchema",
        "thinkingConfig",
        "thinkingBudget",
        "includeThoughts",
    ] {
        let mut other = String::new();
        for character in name.chars() {
            if character.is_ascii_uppercase() {
                other.push('_');
            }
            other.push(character.to_ascii_lowercase());
        }
        assert!(snake.contains(&format!("\"{name}\"")), "{name}");
        snake = snake.replace(&format!("\"{name}\""), &format!("\"{other}\""));
    }
    let settings = Settings::default();
    let got = again(snake.as_bytes(), settings);
    assert_eq!(got, again(camel.to_string().as_bytes(), settings));
    assert_eq!(got.1, Dropped::default());
    assert_eq!(got.0["generationConfig"]["logprobs"], 3);
}

#[test]
fn what_is_unknown_is_named() {
    let body = json!({"contents":[{"parts":[{"text":"?"},{"executableCode":{"code":"1"}}]}],"safetySettings":[],
        "cachedContent":"c","tools":[{"googleSearch":{}}],"generationConfig":{"mediaResolution":"LOW","top_k":3}})
    .to_string();
    let (_, dropped) = again(body.as_bytes(), Settings::default());
    let expected = [
        "cachedContent",
        "safetySettings",
        "contents.parts.executableCode",
        "tools.googleSearch",
        "generationConfig.mediaResolution",
    ];
    assert_eq!(dropped.0, expected);
}

#[test]
fn wrong_types_are_refused_by_their_path() {
    let contents = json!([{"parts":[{"text":"?"}]}]);
    let cases = [
        (json!("{\"contents\":["), "invalid_json", None),
        (json!([]), "invalid_type", None),
        (json!({}), "missing_required_parameter", Some("contents")),
        (
            json!({"contents":[{"parts":[{"text":"a"},{"text":7}]}]}),
            "invalid_type",
            Some("contents[0].parts[1].text"),
        ),
        (json!({"contents":[{"role":"system","parts":[]}]}), "invalid_value", Some("contents[0].role")),
        (
            json!({"contents":[{"parts":[{"functionCall":{"name":"f"}}]}]}),
            "invalid_value",
            Some("contents[0].role"),
        ),
        (
            json!({"contents":[{"role":"model","parts":[{"functionResponse":{"name":"f","response":{}}}]}]}),
            "invalid_value",
            Some("contents[0].role"),
        ),
        (
            json!({"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":[]}}]}]}),
            "invalid_value",
            Some("contents[0].parts[0].functionCall.args"),
        ),
        (json!({"contents":[{"parts":[{}]}]}), "missing_required_parameter", Some("contents[0].parts[0]")),
        (
            json!({"contents":contents,"generationConfig":{"topK":"many"}}),
            "invalid_type",
            Some("generationConfig.topK"),
        ),
        (
            json!({"contents":contents,"generationConfig":{"maxOutputTokens":-1}}),
            "invalid_value",
            Some("generationConfig.maxOutputTokens"),
        ),
        (json!({"contents":contents,"generationConfig":[1.0]}), "invalid_value", Some("generationConfig")),
        (
            json!({"contents":contents,"tools":[{"functionDeclarations":[{"name":"f"},{"name":1}]}]}),
            "invalid_type",
            Some("tools[0].functionDeclarations[1].name"),
        ),
        (
            json!({"contents":contents,"toolConfig":{"functionCallingConfig":{"mode":"SOME"}}}),
            "invalid_value",
            Some("toolConfig.functionCallingConfig.mode"),
        ),
    ];
    for (body, code, param) in cases {
        let refused = refused(&body);
        assert_eq!((refused.code, refused.param.as_deref()), (code, param), "{body}: {}", refused.message);
    }
}

#[test]
fn base64_and_urls_are_told_apart() {
    let body = json!({"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"-_8"}},
        {"fileData":{"fileUri":"data:image/gif;base64,R0lG"}},{"fileData":{"fileUri":"https://x.test/a.PDF?q"}},
        {"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/abc"}}]}]})
    .to_string();
    let mut schemas = Schemas::default();
    let chat = decode(body.as_bytes(), "m", true, &mut schemas).unwrap();
    let sources: Vec<_> = chat.turns[0]
        .parts
        .iter()
        .map(|part| if let Part::Media(media) = part { media.source.clone() } else { panic!("{part:?}") })
        .collect();
    let file = "https://generativelanguage.googleapis.com/v1beta/files/abc";
    let expected = [
        Source::Data("+/8=".into()),
        Source::Data("R0lG".into()),
        Source::Url("https://x.test/a.PDF?q".into()),
        Source::File(file.into()),
    ];
    assert_eq!(sources, expected);
    assert!(chat.stream && chat.model == "m");
    let (body, _) = written(&chat, Settings::default());
    assert_eq!(body["contents"][0]["parts"][2]["fileData"]["mimeType"], "application/pdf");
}

#[test]
fn turns_of_one_role_become_one_and_results_come_first() {
    let turns = vec![
        turn(Role::System, vec![text("one")]),
        turn(Role::User, vec![text("a")]),
        turn(Role::User, vec![text(""), text("b")]),
        turn(Role::Assistant, vec![call("x", "f", "{\"k\": 1}")]),
        turn(Role::Assistant, vec![call("y", "g", "")]),
        turn(Role::Developer, vec![text("two")]),
        turn(Role::User, vec![result("y", vec![text("sunny"), image("aGk=")])]),
        turn(Role::User, vec![result("x", vec![text("{\"a\": 1}")])]),
        turn(Role::User, vec![text("so?")]),
        turn(Role::Assistant, vec![text("")]),
    ];
    let chat = chat(turns);
    let (body, dropped) = written(&chat, Settings::default());
    let mut expected = json!([
        {"role":"user","parts":[{"text":"a"},{"text":"b"}]},
        {"role":"model","parts":[{"functionCall":{"id":"x","name":"f","args":{"k":1}}},
            {"functionCall":{"id":"y","name":"g","args":{}}}]},
        {"role":"user","parts":[{"functionResponse":{"id":"y","name":"g","response":{"output":"sunny"}}},
            {"functionResponse":{"id":"x","name":"f","response":{"a":1}}},
            {"inlineData":{"mimeType":"image/png","data":"aGk="}},{"text":"so?"}]},
    ]);
    assert_eq!(body["contents"], expected);
    assert_eq!(body["systemInstruction"], json!({"parts":[{"text":"one"},{"text":"two"}]}));
    assert_eq!(dropped, Dropped::default());

    let settings = Settings {
        media_in_results: true,
        skip_signature_check: true,
        omit_call_ids: true,
        ..Settings::default()
    };
    let (body, _) = written(&chat, settings);
    let results = expected[2]["parts"].as_array_mut().unwrap();
    let media = results.remove(2);
    results[0]["functionResponse"]["parts"] = json!([media]);
    for (content, part, name) in [
        (1, 0, "functionCall"),
        (1, 1, "functionCall"),
        (2, 0, "functionResponse"),
        (2, 1, "functionResponse"),
    ] {
        expected[content]["parts"][part][name].as_object_mut().unwrap().remove("id");
    }
    expected[1]["parts"][0]["thoughtSignature"] = json!("skip_thought_signature_validator");
    assert_eq!(body["contents"], expected);
}

#[test]
fn results_without_ids_answer_calls_in_their_order() {
    let calls = vec![call("", "f", "{}"), call("", "g", "{}")];
    let results = vec![result("", vec![text("1")]), result("", vec![text("2")])];
    let (body, _) =
        written(&chat(vec![turn(Role::Assistant, calls), turn(Role::User, results)]), Settings::default());
    let parts = &body["contents"][1]["parts"];
    assert_eq!(parts[0]["functionResponse"], json!({"name":"f","response":{"output":"1"}}));
    assert_eq!(parts[1]["functionResponse"], json!({"name":"g","response":{"output":"2"}}));
}

#[test]
fn what_cannot_be_said_is_refused() {
    let settings = Settings::default();
    let foreign = Media {
        mime: "".into(),
        source: Source::File("file-abc".into()),
        detail: None,
        title: None,
        cached: None,
    };
    let parts =
        [result("lost", vec![]), Part::Media(foreign), call("x", "f", "[1]"), call("x", "f", "{\"a\":")];
    for part in parts {
        let shown = format!("{part:?}");
        let chat = chat(vec![turn(Role::User, vec![part])]);
        let refused = encode(&chat, &settings, &mut Dropped::default()).unwrap_err();
        assert_eq!((refused.code, refused.param.as_deref()), ("invalid_value", Some("messages")), "{shown}");
    }
    let refused = encode(&chat(vec![]), &settings, &mut Dropped::default()).unwrap_err();
    assert_eq!(refused.code, "missing_required_parameter");
    let alone = chat(vec![turn(Role::System, vec![text("do")])]);
    let (body, _) = written(&alone, settings);
    assert_eq!(body, json!({"contents":[{"role":"user","parts":[{"text":"do"}]}]}));
}

#[test]
fn options_are_clamped_or_named() {
    let mut chat = question();
    chat.sampling.temperature = Some(7.5);
    chat.sampling.seed = Some(1 << 40);
    chat.sampling.top_logprobs = Some(5);
    chat.stop = (0..7).map(|at| format!("s{at}").into()).collect();
    chat.user = Some("u".into());
    chat.parallel_tools = Some(false);
    chat.choices = Some(3);
    chat.tools = vec![Tool {
        name: "f".into(),
        description: Some("d".into()),
        parameters: Some(raw(r#"{"type":"object","properties":{}}"#)),
        strict: Some(true),
        cached: Some(raw("{}")),
    }];
    chat.tool_choice = Some(ToolChoice::Required);
    chat.unknown = vec!["metadata".into()];
    chat.turns[0].parts.push(Part::Redacted("x".into()));
    let (body, dropped) = written(&chat, Settings::default());
    assert_eq!(
        body["generationConfig"],
        json!({"temperature":2,"logprobs":5,"candidateCount":3,"stopSequences":["s0","s1","s2","s3","s4"]})
    );
    assert_eq!(body["tools"], json!([{"functionDeclarations":[{"name":"f","description":"d"}]}]));
    assert_eq!(body["toolConfig"]["functionCallingConfig"], json!({"mode":"ANY"}));
    let expected = [
        "redacted_thinking",
        "user",
        "parallel_tool_calls",
        "cache_control",
        "strict",
        "seed",
        "stop",
        "metadata",
    ];
    assert_eq!(dropped.0, expected);
}

#[test]
fn thinking_is_a_budget_or_a_level() {
    let config = |reasoning, thinking_level, hide_thoughts| {
        let chat = Chat { reasoning: Some(reasoning), ..question() };
        let settings = Settings { thinking_level, hide_thoughts, ..Settings::default() };
        written(&chat, settings).0["generationConfig"]["thinkingConfig"].clone()
    };
    let low = Reasoning::Effort(Effort::Low);
    assert_eq!(config(Reasoning::Off, false, false), json!({"thinkingBudget":0}));
    assert_eq!(config(Reasoning::Auto, false, true), json!({"thinkingBudget":-1}));
    assert_eq!(config(low, false, false), json!({"thinkingBudget":4096,"includeThoughts":true}));
    assert_eq!(config(low, true, true), json!({"thinkingLevel":"LOW"}));
    assert_eq!(config(Reasoning::Budget(77), true, true), json!({"thinkingBudget":77}));

    let read = |config: Value| {
        let body = json!({"contents":{"parts":{"text":"?"}},"generationConfig":{"thinkingConfig":config}});
        let body = body.to_string();
        let mut schemas = Schemas::default();
        decode(body.as_bytes(), "m", false, &mut schemas).unwrap().reasoning
    };
    assert_eq!(read(json!({"thinkingBudget":-1})), Some(Reasoning::Auto));
    assert_eq!(read(json!({"thinkingBudget":0})), Some(Reasoning::Off));
    assert_eq!(read(json!({"thinkingBudget":"512"})), Some(Reasoning::Budget(512)));
    assert_eq!(read(json!({"thinkingLevel":"high"})), Some(Reasoning::Effort(Effort::High)));
    assert_eq!(read(json!({"includeThoughts":true})), Some(Reasoning::Auto));
    assert_eq!(read(json!({})), None);
}

#[test]
fn schemas_lose_what_google_refuses() {
    let cases = [
        (
            json!({"$schema":"s","$id":"i","type":"string","additionalProperties":false}),
            json!({"type":"STRING"}),
        ),
        (
            json!({"type":["string","null"],"description":"d"}),
            json!({"type":"STRING","description":"d","nullable":true}),
        ),
        (json!({"const":"a"}), json!({"type":"STRING","enum":["a"]})),
        (json!({"const":3}), json!({"type":"NUMBER"})),
        (json!({"enum":["a",null]}), json!({"type":"STRING","nullable":true,"enum":["a"]})),
        (json!({"enum":["a",""]}), json!({"type":"STRING"})),
        (
            json!({"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":9}),
            json!({"type":"INTEGER","minimum":1,"maximum":8}),
        ),
        (
            json!({"type":"number","exclusiveMinimum":0.5,"multipleOf":2}),
            json!({"type":"NUMBER","minimum":0.5}),
        ),
        (json!({"type":"string","format":"uri","pattern":"^(?!x)"}), json!({"type":"STRING"})),
        (
            json!({"type":"string","format":"date-time","pattern":"^a+$"}),
            json!({"type":"STRING","format":"date-time","pattern":"^a+$"}),
        ),
        (
            json!({"anyOf":[{"type":"integer"},{"type":"null"}],"title":"t"}),
            json!({"type":"INTEGER","title":"t","nullable":true}),
        ),
        (
            json!({"oneOf":[{"type":"integer"},{"type":"string"}],"description":"d"}),
            json!({"anyOf":[{"type":"INTEGER","description":"d"},{"type":"STRING","description":"d"}]}),
        ),
        (
            json!({"type":["integer","string"],"minLength":1}),
            json!({"anyOf":[{"type":"INTEGER"},{"type":"STRING","minLength":1}]}),
        ),
        (json!({"type":"array"}), json!({"type":"ARRAY","items":{"type":"STRING"}})),
        (
            json!({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"uniqueItems":true,"minItems":2}),
            json!({"type":"ARRAY","minItems":2,"items":{"anyOf":[{"type":"INTEGER"},{"type":"STRING"}]}}),
        ),
        (
            json!({"allOf":[{"properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"boolean"}}}],"required":["b","c"]}),
            json!({"type":"OBJECT","properties":{"a":{"type":"STRING"},"b":{"type":"BOOLEAN"}},"required":["a","b"]}),
        ),
        (
            json!({"$defs":{"N/x":{"type":"object","properties":{"next":{"$ref":"#/$defs/N~1x"}}}},"$ref":"#/$defs/N~1x"}),
            json!({"type":"OBJECT","properties":{"next":{"type":"OBJECT"}}}),
        ),
    ];
    for (schema, expected) in cases {
        assert_eq!(reduced(&schema), expected, "{schema}");
    }
}

#[test]
fn references_lead_anywhere_in_the_document() {
    let schema = json!({"definitions":{"D":{"type":"string"}},"type":"object","properties":{
        "a":{"$ref":"#/definitions/D","description":"d"},"b":{"$ref":"#/properties/c"},
        "c":{"type":"boolean"},"e":{"$ref":"https://x.test/s"}}});
    let expected = json!({"type":"OBJECT","properties":{"a":{"type":"STRING","description":"d"},
        "b":{"type":"BOOLEAN"},"c":{"type":"BOOLEAN"},"e":{}}});
    assert_eq!(reduced(&schema), expected);
}

#[test]
fn properties_keep_their_order() {
    let schema = r#"{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"string"}}}"#;
    let format = Format::Schema { name: None, description: None, schema: raw(schema), strict: None };
    let chat = Chat { format: Some(format), ..question() };
    for json_schema in [false, true] {
        let settings = Settings { json_schema, ..Settings::default() };
        let body = String::from_utf8(encode(&chat, &settings, &mut Dropped::default()).unwrap()).unwrap();
        assert!(body.find("\"z\"").unwrap() < body.find("\"a\"").unwrap(), "{body}");
        assert_eq!(body.contains(schema), json_schema);
    }
}

#[test]
fn references_that_multiply_are_refused() {
    let mut defs = serde_json::Map::new();
    for level in 0..30 {
        let next = json!({"$ref":format!("#/$defs/d{}", level + 1)});
        defs.insert(format!("d{level}"), json!({"properties":{"a":next,"b":next}}));
    }
    let schema = json!({"$defs":defs,"$ref":"#/$defs/d0"}).to_string();
    let format = Format::Schema { name: None, description: None, schema: raw(&schema), strict: None };
    let chat = Chat { format: Some(format), ..question() };
    let refused = encode(&chat, &Settings::default(), &mut Dropped::default()).unwrap_err();
    assert_eq!(refused.param.as_deref(), Some("response_format"));
}

#[test]
fn no_depth_exhausts_the_stack() {
    const LEVELS: usize = 10_000;
    let deep = format!("{}{{}}{}", "{\"items\":".repeat(LEVELS), "}".repeat(LEVELS));
    let body = format!(
        "{{\"contents\":[{{\"parts\":[{{\"text\":\"?\"}}]}}],\"generationConfig\":{{\"responseSchema\":{deep}}}}}"
    );
    let refused = decode(body.as_bytes(), "m", false, &mut Schemas::default()).unwrap_err();
    assert_eq!(refused.param.as_deref(), Some("generationConfig.responseSchema"));

    let chain: Vec<String> = (0..LEVELS / 10)
        .map(|at| format!("\"d{at}\":{{\"properties\":{{\"a\":{{\"$ref\":\"#/$defs/d{}\"}}}}}}", at + 1))
        .collect();
    let long = format!("{{\"$defs\":{{{}}},\"$ref\":\"#/$defs/d0\"}}", chain.join(","));
    let all = format!("{}{{}}{}", "{\"allOf\":[".repeat(LEVELS), "]}".repeat(LEVELS));
    for schema in [deep, long, all] {
        let format = Format::Schema { name: None, description: None, schema: raw(&schema), strict: None };
        written(&Chat { format: Some(format), ..question() }, Settings::default());
    }
}

#[test]
fn googles_schemas_become_json_schema() {
    let cases = [
        (
            json!({"type":"STRING","format":"enum","enum":["a"],"nullable":true}),
            json!({"type":["string","null"],"enum":["a",null]}),
        ),
        (
            json!({"type":"OBJECT","properties":{"type":{"type":"INTEGER","example":3}},"propertyOrdering":["type"]}),
            json!({"type":"object","properties":{"type":{"type":"integer","examples":[3]}}}),
        ),
        (
            json!({"type":"ARRAY","items":{"any_of":[{"type":"NUMBER"},{"type":"TYPE_UNSPECIFIED"}],"nullable":true},"minItems":"2"}),
            json!({"type":"array","items":{"anyOf":[{"type":"number"},{},{"type":"null"}]},"minItems":2}),
        ),
    ];
    for (schema, expected) in cases {
        let body = json!({"contents":[{"parts":[{"text":"?"}]}],"generationConfig":{"responseSchema":schema},
            "tools":{"functionDeclarations":{"name":"f","parameters":schema}}})
        .to_string();
        let mut schemas = Schemas::default();
        let chat = decode(body.as_bytes(), "m", false, &mut schemas).unwrap();
        let Some(Format::Schema { schema: got, .. }) = chat.format else { panic!("{body}") };
        assert_eq!(serde_json::from_str::<Value>(got.get()).unwrap(), expected, "{schema}");
        let got = chat.tools[0].parameters.unwrap();
        assert_eq!(serde_json::from_str::<Value>(got.get()).unwrap(), expected, "{schema}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let name = || {
        prop::sample::select(vec![
            "type",
            "anyOf",
            "allOf",
            "$ref",
            "enum",
            "items",
            "properties",
            "required",
            "a",
        ])
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec!["string", "object", "#", "#/a", "#/properties/a", ""])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..4).prop_map(|members| members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

#[test]
fn a_signature_is_over_all_the_thoughts_before_it() {
    let body = json!({"contents": [{"role": "model", "parts": [
        {"text": "Five", "thought": true}, {"text": " houses.", "thought": true},
        {"text": "", "thoughtSignature": "c2ln"},
        {"text": "The Japanese."}, {"text": "", "thoughtSignature": "dGV4dA=="},
        {"text": "a", "thought": true, "thoughtSignature": "YQ=="}, {"text": "b", "thought": true},
    ]}]})
    .to_string();
    let mut schemas = Schemas::default();
    let chat = decode(body.as_bytes(), "m", false, &mut schemas).unwrap();
    let thoughts = |part: &Part<'_>| match part {
        Part::Thinking { text, signature } => {
            Some((text.to_string(), signature.as_deref().map(str::to_owned)))
        }
        _ => None,
    };
    let found: Vec<_> = chat.turns[0].parts.iter().filter_map(thoughts).collect();
    let expected = [("Five houses.", Some("c2ln")), ("", Some("dGV4dA==")), ("a", Some("YQ==")), ("b", None)];
    assert_eq!(found, expected.map(|(text, mark)| (text.to_owned(), mark.map(str::to_owned))));
}

proptest! {
    #[test]
    fn any_schema_becomes_json(schema in any_json()) {
        reduced(&schema);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes, "m", false, &mut Schemas::default());
    }

    #[test]
    fn a_damaged_request_never_panics(
        scene in prop::sample::select(SCENES.to_vec()), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut body = golden(scene);
        let at = at.index(body.len());
        body[at] = byte;
        let mut schemas = Schemas::default();
        if let Ok(chat) = decode(&body, "m", false, &mut schemas)
            && let Ok(body) = encode(&chat, &Settings::default(), &mut Dropped::default())
        {
            serde_json::from_slice::<Value>(&body).unwrap();
        }
    }
}
