//! An answer and a stream that say the same turn into each other.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use headgate_core::wire::openai::replay::{answer_from_events, stream_from_answer};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

fn tool_call() -> impl Strategy<Value = Value> {
    ("[a-z]{1,6}", "[a-z]{1,6}", ".{0,30}").prop_map(|(id, name, arguments)| {
        json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
    })
}

fn logprobs() -> impl Strategy<Value = Value> {
    prop::option::of(vec((".{1,4}", -9.0..0.0), 0..4)).prop_map(|list| {
        list.map_or(Value::Null, |list| {
            let content: Vec<Value> = list
                .into_iter()
                .map(|(token, logprob)| json!({"token": token, "logprob": logprob}))
                .collect();
            json!({"content": content, "refusal": null})
        })
    })
}

fn message() -> impl Strategy<Value = Value> {
    (prop::option::of(".{0,60}"), prop::option::of(".{0,20}"), vec(tool_call(), 0..3)).prop_map(
        |(content, reasoning, calls)| {
            let mut message = json!({"role": "assistant", "content": content, "refusal": null});
            if let Some(reasoning) = reasoning {
                message["reasoning_content"] = json!(reasoning);
            }
            if !calls.is_empty() {
                message["tool_calls"] = json!(calls);
            }
            message
        },
    )
}

fn answer() -> impl Strategy<Value = Value> {
    let choice = (message(), logprobs(), prop::sample::select(vec!["stop", "length", "tool_calls"]));
    (vec(choice, 1..4), any::<u32>(), prop::option::of("[a-z]{3}")).prop_map(|(choices, created, fingerprint)| {
        let choices: Vec<Value> = choices
            .into_iter()
            .enumerate()
            .map(|(index, (message, logprobs, reason))| {
                json!({"index": index, "message": message, "logprobs": logprobs, "finish_reason": reason, "stop_reason": null})
            })
            .collect();
        json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": created, "model": "m",
            "system_fingerprint": fingerprint, "service_tier": "default", "choices": choices,
            "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
        })
    })
}

fn completion() -> impl Strategy<Value = Value> {
    vec(".{0,40}", 1..4).prop_map(|texts| {
        let choices: Vec<Value> = texts
            .into_iter()
            .enumerate()
            .map(|(index, text)| json!({"index": index, "text": text, "logprobs": null, "finish_reason": "stop"}))
            .collect();
        json!({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": choices,
               "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}})
    })
}

fn parse(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

fn chunks(stream: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stream).unwrap();
    let events: Vec<&str> = text.split("\n\n").filter(|event| !event.is_empty()).collect();
    let (done, events) = events.split_last().unwrap();
    assert_eq!(*done, "data: [DONE]");
    events.iter().map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect()
}

fn event(choice: &Value) -> String {
    let chunk = json!({"id": "a", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]});
    format!("data: {chunk}\n\n")
}

/// `text` in pieces between characters, at least one.
fn pieces(text: &str, size: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(size).map(|piece| piece.iter().collect()).collect()
}

proptest! {
    #[test]
    fn an_answer_survives_the_way_through_a_stream(answer in prop_oneof![answer(), completion()], pretty: bool) {
        let body = if pretty { serde_json::to_vec_pretty(&answer) } else { serde_json::to_vec(&answer) }.unwrap();
        let stream = stream_from_answer(&body, true).unwrap();
        // Both are read by the same parser, which may round a number's last digit.
        prop_assert_eq!(parse(&answer_from_events(&stream).unwrap()), parse(&body));
    }

    #[test]
    fn usage_is_given_only_if_asked(answer in answer(), asked: bool) {
        let stream = stream_from_answer(answer.to_string().as_bytes(), asked).unwrap();
        let chunks = chunks(&stream);
        let with_usage = chunks.iter().filter(|chunk| chunk["usage"].is_object()).count();
        prop_assert_eq!(with_usage, usize::from(asked));
        let marked = chunks.iter().filter(|chunk| chunk.get("usage").is_some()).count();
        prop_assert_eq!(marked, if asked { chunks.len() } else { 0 });
        prop_assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk"));
    }

    #[test]
    fn deltas_add_up_however_they_are_cut(
        content in ".{1,60}", arguments in vec(".{1,30}", 1..4), size in 1_usize..9, line_end in 0_usize..3,
    ) {
        let mut stream = event(&json!({"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": null}));
        for piece in pieces(&content, size) {
            stream += &event(&json!({"index": 0, "delta": {"content": piece}, "finish_reason": null}));
        }
        for (index, text) in arguments.iter().enumerate() {
            let head = json!({"index": index, "id": format!("c{index}"), "type": "function", "function": {"name": "f", "arguments": ""}});
            stream += &event(&json!({"index": 0, "delta": {"tool_calls": [head]}, "finish_reason": null}));
            for piece in pieces(text, size) {
                let part = json!({"index": index, "function": {"arguments": piece}});
                stream += &event(&json!({"index": 0, "delta": {"tool_calls": [part]}, "finish_reason": null}));
            }
        }
        stream += &event(&json!({"index": 0, "delta": {}, "finish_reason": "tool_calls"}));
        stream += ": a comment\n\ndata: [DONE]\n\n";
        let stream = stream.replace('\n', ["\n", "\r\n", "\r"][line_end]);

        let whole = parse(&answer_from_events(stream.as_bytes()).unwrap());
        let choice = &whole["choices"][0];
        prop_assert_eq!(&choice["message"]["content"], &json!(content));
        prop_assert_eq!(&choice["finish_reason"], "tool_calls");
        let calls: Vec<Value> = arguments.iter().enumerate().map(|(index, text)| {
            json!({"id": format!("c{index}"), "type": "function", "function": {"name": "f", "arguments": text}})
        }).collect();
        prop_assert_eq!(&choice["message"]["tool_calls"], &json!(calls));
        prop_assert_eq!(&whole["object"], "chat.completion");
    }

    #[test]
    fn any_bytes_are_no_answer_and_no_panic(bytes: Vec<u8>) {
        prop_assert_eq!(answer_from_events(&bytes), None);
        prop_assert_eq!(stream_from_answer(&bytes, true), None);
    }
}

#[test]
fn a_stream_that_did_not_end_well_is_no_answer() {
    let good = event(&json!({"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}));
    assert_eq!(answer_from_events(good.as_bytes()), None);
    let failed = format!("{good}data: {{\"error\":{{\"message\":\"m\"}}}}\n\ndata: [DONE]\n\n");
    assert_eq!(answer_from_events(failed.as_bytes()), None);
    let audio = event(&json!({"index": 0, "delta": {"audio": {"data": "AAA="}}}));
    assert_eq!(answer_from_events(format!("{audio}data: [DONE]\n\n").as_bytes()), None);
}

#[test]
fn an_error_or_a_list_is_no_stream() {
    for body in [r#"{"error":{"message":"m"}}"#, r#"{"object":"list","data":[]}"#, "[]", "null", "{"] {
        assert_eq!(stream_from_answer(body.as_bytes(), false), None, "{body}");
    }
}
