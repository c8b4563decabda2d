//! The OpenAPI description against the answers, and against docs/api.md.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::bench::{Bench, playing};

/// Says where `value` is not as `schema` has it. Of JSON Schema it knows what the description uses, and panics at the rest, so
/// that nothing goes unchecked.
fn differences(document: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |right: bool, what: &str| {
        if !right {
            found.push(format!("{place}: {value} is not {what}"));
        }
    };
    let mut inner = Vec::new();
    for (keyword, rule) in schema.as_object().expect("a schema") {
        match keyword.as_str() {
            "description" | "format" | "propertyNames" => {}
            "$ref" => {
                let pointer = rule.as_str().unwrap().trim_start_matches('#');
                let target = document
                    .pointer(pointer)
                    .unwrap_or_else(|| panic!("no {rule}"));
                inner.extend(differences(document, target, value, place));
            }
            "type" => {
                let types = rule
                    .as_array()
                    .cloned()
                    .unwrap_or_else(|| vec![rule.clone()]);
                let is = |name: &Value| match name.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "number" => value.is_number(),
                    "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    other => panic!("the type {other}"),
                };
                check(types.iter().any(is), &rule.to_string());
            }
            "enum" => check(rule.as_array().unwrap().contains(value), &rule.to_string()),
            "minimum" => check(value.as_f64() >= rule.as_f64(), &format!("from {rule}")),
            "maximum" => check(value.as_f64() <= rule.as_f64(), &format!("up to {rule}")),
            "required" => {
                for name in rule.as_array().unwrap() {
                    check(
                        value.get(name.as_str().unwrap()).is_some(),
                        &format!("with {name}"),
                    );
                }
            }
            "properties" => {
                for (name, part) in value.as_object().into_iter().flatten() {
                    match rule.get(name) {
                        Some(rule) => inner.extend(differences(
                            document,
                            rule,
                            part,
                            &format!("{place}.{name}"),
                        )),
                        None => check(false, &format!("documented: {name}")),
                    }
                }
            }
            "additionalProperties" => assert_eq!(rule, false),
            "items" => {
                for part in value.as_array().into_iter().flatten() {
                    inner.extend(differences(document, rule, part, &format!("{place}[]")));
                }
            }
            "oneOf" => {
                let fits = |one: &&Value| differences(document, one, value, place).is_empty();
                let fitting = rule.as_array().unwrap().iter().filter(fits).count();
                check(fitting == 1, "one of its kinds");
            }
            other => panic!("this check does not know {other:?} of {schema}"),
        }
    }
    found.extend(inner);
    found
}

/// The schema of an answer, if the description has that status.
fn answer<'a>(document: &'a Value, method: &str, path: &str, status: u16) -> &'a Value {
    let content = &document["paths"][path][method]["responses"][status.to_string()]["content"];
    let schema = &content["application/json"]["schema"];
    assert!(
        schema.is_object(),
        "{method} {path} {status} is not described"
    );
    schema
}

#[tokio::test]
async fn every_answer_is_as_the_description_has_it() {
    let mut bench = Bench::start().await;
    bench.zones[0].send_modify(|state| playing(std::sync::Arc::make_mut(state)));
    let document = bench.read("/api/v1/openapi.json").await;
    let mut seen = BTreeSet::new();
    let output = "/api/v1/outputs/{name}";
    let zone = "/api/v1/zones/{zone}";
    let play = "/api/v1/inputs/{name}/play";
    let change = "{\"volume\": 1, \"muted\": true}";
    let json = ("Content-Type", "application/json");
    let evil = ("Origin", "http://evil.example");
    let large = format!("{{{}}}", " ".repeat(20_000));
    let cases = [
        ("GET", "/api/v1/state", "/api/v1/state", json, "", 200),
        ("GET", output, "/api/v1/outputs/Desk", json, "", 200),
        ("GET", output, "/api/v1/outputs/Moon", json, "", 404),
        ("PATCH", output, "/api/v1/outputs/Desk", json, change, 200),
        (
            "PATCH",
            output,
            "/api/v1/outputs/Desk",
            json,
            "{\"volume\": -1}",
            400,
        ),
        (
            "PATCH",
            output,
            "/api/v1/outputs/Desk",
            json,
            "{\"x\": {}}",
            400,
        ),
        ("PATCH", output, "/api/v1/outputs/Desk", json, "[]", 400),
        ("PATCH", output, "/api/v1/outputs/Desk", evil, change, 403),
        ("PATCH", output, "/api/v1/outputs/Moon", json, change, 404),
        ("PATCH", output, "/api/v1/outputs/Desk", json, &large, 413),
        (
            "PATCH",
            output,
            "/api/v1/outputs/Desk",
            ("A", "b"),
            change,
            415,
        ),
        ("GET", zone, "/api/v1/zones/Everywhere", json, "", 200),
        ("GET", zone, "/api/v1/zones/Desk", json, "", 200),
        ("GET", zone, "/api/v1/zones/Moon", json, "", 404),
        ("PATCH", zone, "/api/v1/zones/Desk", json, change, 200),
        (
            "PATCH",
            zone,
            "/api/v1/zones/Desk",
            json,
            "{\"volume\": -1}",
            400,
        ),
        ("PATCH", zone, "/api/v1/zones/Desk", evil, change, 403),
        ("PATCH", zone, "/api/v1/zones/Moon", json, change, 404),
        ("PATCH", zone, "/api/v1/zones/Desk", json, &large, 413),
        ("PATCH", zone, "/api/v1/zones/Desk", ("A", "b"), change, 415),
        ("POST", play, "/api/v1/inputs/Turntable/play", json, "", 200),
        ("POST", play, "/api/v1/inputs/Turntable/play", evil, "", 403),
        ("POST", play, "/api/v1/inputs/Moon/play", json, "", 404),
        (
            "POST",
            play,
            "/api/v1/inputs/Turntable/play",
            ("A", "b"),
            "",
            415,
        ),
        (
            "GET",
            "/api/v1/openapi.json",
            "/api/v1/openapi.json",
            json,
            "",
            200,
        ),
    ];
    for (method, path, target, header, body, status) in cases {
        let said = bench.request(method, target, &[header], body).await;
        assert_eq!(
            said.status(),
            status,
            "{method} {target} {body}: {}",
            said.body
        );
        let described = method.to_lowercase();
        let schema = answer(&document, &described, path, status);
        let value = serde_json::from_str(&said.body).unwrap();
        let different = differences(&document, schema, &value, target);
        assert!(different.is_empty(), "{different:#?}");
        seen.insert(format!("{described} {path} {status}"));
    }
    bench.end_a_zone().await;
    for (method, path, target) in [
        ("patch", zone, "/api/v1/zones/Desk"),
        ("post", play, "/api/v1/inputs/Turntable/play"),
    ] {
        let sent = method.to_uppercase();
        let said = bench.request(&sent, target, &[json], change).await;
        assert_eq!(said.status(), 503, "{}", said.body);
        let value = serde_json::from_str(&said.body).unwrap();
        let schema = answer(&document, method, path, 503);
        assert_eq!(differences(&document, schema, &value, "503"), [""; 0]);
        seen.insert(format!("{method} {path} 503"));
    }
    // What takes time to see, and the stream, are left out here.
    let left_out = |entry: &str| entry.ends_with(" 408") || entry.contains("/events");
    let mut missing = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            for status in operation["responses"].as_object().unwrap().keys() {
                missing.insert(format!("{method} {path} {status}"));
            }
        }
    }
    missing.retain(|entry| !seen.contains(entry) && !left_out(entry));
    assert!(
        missing.is_empty(),
        "described, and not seen here: {missing:#?}"
    );
}

#[tokio::test]
async fn the_check_can_fail() {
    let bench = Bench::start().await;
    let document = bench.read("/api/v1/openapi.json").await;
    let schema = json!({"$ref": "#/components/schemas/State"});
    let right = bench.read("/api/v1/state").await;
    let wrong = |pointer: &str, value: Value| {
        let mut state = right.clone();
        *state.pointer_mut(pointer).unwrap() = value;
        assert!(
            !differences(&document, &schema, &state, "").is_empty(),
            "{pointer}"
        );
    };
    wrong("/outputs/0/volume", json!(101));
    wrong("/outputs/0/channels", json!("both"));
    wrong("/outputs/0/zone", json!(3));
    wrong("/zones/0/state", json!(null));
    wrong("/zones/0", json!({"name": "x"}));
    let mut more = right.clone();
    more["outputs"][0]["colour"] = json!("red");
    assert!(!differences(&document, &schema, &more, "").is_empty());
}

#[tokio::test]
async fn what_can_be_sent_is_described_as_it_is_checked() {
    let bench = Bench::start().await;
    let document = bench.read("/api/v1/openapi.json").await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let schema = json!({"$ref": "#/components/schemas/OutputChange"});
    for change in [
        json!({"late_ms": 0}),
        json!({"late_ms": 5000.1}),
        json!({"late_ms": "1"}),
        json!({"channels": "swap"}),
        json!({"channels": "both"}),
        json!({"trim_db": 12}),
        json!({"trim_db": -60.1}),
        json!({"volume": 100}),
        json!({"volume": 1.5}),
        json!({"volume": null}),
        json!({"volume_sync": false}),
        json!({"volume_sync": 0}),
        json!({"muted": true}),
        json!({}),
        json!({"bass": 1}),
        json!([]),
    ] {
        let described = differences(&document, &schema, &change, "").is_empty();
        let (status, said) = bench.patch("/api/v1/outputs/Kitchen", &change).await;
        assert_eq!(described, status == 200, "{change}: {said}");
    }
}

/// Every `METHOD /path` in headings of docs/api.md, and every route.
#[tokio::test]
async fn the_document_has_every_route_and_no_other() {
    let bench = Bench::start().await;
    let document = bench.read("/api/v1/openapi.json").await;
    let mut routes = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            routes.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md");
    let text = std::fs::read_to_string(file).unwrap();
    let headings = text.lines().filter_map(|line| line.strip_prefix("### `"));
    let documented: BTreeSet<_> = headings
        .filter_map(|heading| heading.strip_suffix('`'))
        .map(str::to_owned)
        .collect();
    assert_eq!(documented, routes);
    for key in unisono::api::OUTPUT_KEYS {
        assert!(
            text.contains(&format!("| `{}` |", key.name())),
            "{} is not in docs/api.md",
            key.name()
        );
    }
}

/// The command line of an example: what is between blanks, or between quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            letter => words.last_mut().unwrap().push(letter),
        }
    }
    words
}

/// Sends what each `curl` in docs/api.md would.
#[tokio::test]
async fn the_examples_work() {
    let bench = Bench::start().await;
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md");
    let text = std::fs::read_to_string(file).unwrap();
    let mut sent = 0;
    for line in text.lines().filter(|line| line.starts_with("curl ")) {
        let (mut method, mut body, mut headers, mut url) =
            ("GET".to_owned(), String::new(), Vec::new(), None);
        let mut words = words(line).into_iter().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "-X" => method = words.next().unwrap(),
                "-d" => body = words.next().unwrap(),
                "-H" => headers.push(words.next().unwrap()),
                "--no-buffer" => {}
                _ => assert_eq!(url.replace(word), None, "{line}"),
            }
        }
        let url = url.unwrap();
        let path = url.strip_prefix("http://127.0.0.1:49494").unwrap();
        if path == "/api/v1/events" {
            continue;
        }
        let headers: Vec<_> = headers
            .iter()
            .filter_map(|header| header.split_once(": "))
            .collect();
        let answer = bench.request(&method, path, &headers, &body).await;
        assert_eq!(answer.status(), 200, "{line}: {}", answer.body);
        sent += 1;
    }
    assert!(sent > 6, "only {sent} examples");
}
