//! What is refused, and how it is said.

use serde_json::{Value, json};

use super::bench::Bench;

const KITCHEN: &str = "/api/v1/outputs/Kitchen";
const JSON: (&str, &str) = ("Content-Type", "application/json");

#[tokio::test]
async fn a_mistake_is_answered_with_what_would_be_right() {
    let bench = Bench::start().await;
    let check = async |path: &str, change: Value, status: u16, expected: &str| {
        let (answered, problem) = bench.patch(path, &change).await;
        assert_eq!(
            (answered, problem["message"].as_str()),
            (status, Some(expected)),
            "{problem}"
        );
        problem
    };
    let problem = check(
        KITCHEN,
        json!({"muted": true, "volume": 300}),
        400,
        "volume = 300: it must be a whole number from 0 to 100",
    )
    .await;
    assert_eq!(
        problem,
        json!({
            "message": "volume = 300: it must be a whole number from 0 to 100",
            "key": "volume", "value": 300, "allowed": "a whole number from 0 to 100",
        })
    );
    check(
        KITCHEN,
        json!({"muted": true, "lat_ms": 3}),
        400,
        "\"lat_ms\" cannot be set; did you mean \"late_ms\"? The keys are late_ms, channels, trim_db, volume, volume_sync, muted",
    )
    .await;
    check(
        "/api/v1/zones/Desk",
        json!({"late_ms": 3}),
        400,
        "\"late_ms\" cannot be set: the keys are volume, muted",
    )
    .await;
    check(
        "/api/v1/outputs/kitchn",
        json!({"volume": 3}),
        404,
        "there is no output \"kitchn\"; did you mean \"Kitchen\"?",
    )
    .await;
    check(
        "/api/v1/zones/Moon",
        json!({"volume": 3}),
        404,
        "there is no zone \"Moon\"; there are \"Everywhere\", \"Desk\"",
    )
    .await;
    for change in [json!([]), json!(3), json!("volume"), json!(null)] {
        let (status, problem) = bench.patch(KITCHEN, &change).await;
        assert_eq!(status, 400, "{change}");
        let said = problem["message"].as_str().expect("a message");
        assert!(said.contains("JSON object"), "{said}");
    }
    assert!(bench.lanes[0].settings().volume == 100 && !bench.lanes[0].settings().muted);
}

#[tokio::test]
async fn no_body_does_harm() {
    let bench = Bench::start().await;
    let send = async |body: &str| {
        bench
            .request("PATCH", KITCHEN, &[JSON], body)
            .await
            .status()
    };
    assert_eq!(send("{\"volume\": 3").await, 400);
    assert_eq!(send("\u{0}").await, 400);
    let deep = format!("{{\"volume\": {}{}}}", "[".repeat(4000), "]".repeat(4000));
    assert_eq!(send(&deep).await, 400);
    let large = format!("{{\"volume\": 3{}}}", " ".repeat(20_000));
    assert_eq!(send(&large).await, 413);
    assert_eq!(bench.lanes[0].settings().volume, 100);
    assert_eq!(send("{\"volume\": 3}").await, 200);
}

/// Sends a change with these headers; it must be refused with this status and have changed nothing.
async fn check_refused(bench: &Bench, headers: &[(&str, &str)], status: u16) {
    let change = "{\"volume\": 1}";
    for path in [KITCHEN, "/api/v1/zones/Everywhere"] {
        let answer = bench.request("PATCH", path, headers, change).await;
        assert_eq!(answer.status(), status, "{headers:?}: {}", answer.body);
        let cors = answer
            .headers
            .iter()
            .find(|(name, _)| name.to_ascii_lowercase().starts_with("access-control"));
        assert_eq!(cors, None);
    }
    assert_eq!(bench.lanes[0].settings().volume, 100, "{headers:?}");
    assert_eq!(bench.zones[0].borrow().volume, 50, "{headers:?}");
}

#[tokio::test]
async fn no_web_page_from_elsewhere_can_set_anything() {
    let bench = Bench::start().await;
    for origin in [
        "http://evil.example",
        "https://127.0.0.1",
        "http://127.0.0.1:1",
        "null",
        "http://",
    ] {
        check_refused(&bench, &[JSON, ("Origin", origin)], 403).await;
    }
    check_refused(&bench, &[JSON, ("Sec-Fetch-Site", "cross-site")], 403).await;
    // A name that was made to point here.
    let evil = format!("evil.example:{}", bench.address.port());
    let origin = format!("http://{evil}");
    check_refused(&bench, &[JSON, ("Host", &evil), ("Origin", &origin)], 403).await;
    // What a form can send.
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
    ] {
        check_refused(&bench, &[("Content-Type", kind)], 415).await;
    }
    check_refused(&bench, &[], 415).await;

    // A page of our own may, and so may whoever is no page.
    let own = format!("http://{}", bench.host());
    let ours = [
        ("Content-Type", "application/json; charset=utf-8"),
        ("Origin", own.as_str()),
        ("Sec-Fetch-Site", "same-origin"),
    ];
    let answer = bench
        .request("PATCH", KITCHEN, &ours, "{\"volume\": 1}")
        .await;
    assert_eq!(answer.status(), 200, "{}", answer.body);
    let named = format!("music:{}", bench.address.port());
    let answer = bench
        .request(
            "PATCH",
            KITCHEN,
            &[JSON, ("Host", &named)],
            "{\"volume\": 2}",
        )
        .await;
    assert_eq!(answer.status(), 200, "{}", answer.body);
    assert_eq!(bench.lanes[0].settings().volume, 2);
}

#[tokio::test]
async fn no_web_page_from_elsewhere_can_read_anything() {
    let bench = Bench::start().await;
    for path in [
        "/api/v1/state",
        KITCHEN,
        "/api/v1/events",
        "/api/v1/openapi.json",
    ] {
        for headers in [("Origin", "http://evil.example"), ("Host", "evil.example")] {
            let answer = bench.request("GET", path, &[headers], "").await;
            assert_eq!(answer.status(), 403, "{path} {headers:?}");
            assert!(!answer.body.contains("Kitchen"), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn other_methods_are_told_which_there_are() {
    let bench = Bench::start().await;
    let check = async |method: &str, path: &str, expected: &str| {
        let answer = bench.request(method, path, &[], "").await;
        assert_eq!(
            (answer.status(), answer.header("allow")),
            (405, Some(expected)),
            "{method} {path}"
        );
        assert_eq!(answer.header("access-control-allow-origin"), None);
    };
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        check(method, KITCHEN, "GET,HEAD,PATCH").await;
        check(method, "/api/v1/zones/Desk", "GET,HEAD,PATCH").await;
        check(method, "/api/v1/state", "GET,HEAD").await;
        check(method, "/api/v1/events", "GET,HEAD").await;
    }
    check("PATCH", "/api/v1/state", "GET,HEAD").await;
    assert_eq!(
        bench
            .request("GET", "/api/v1/nothing", &[], "")
            .await
            .status(),
        404
    );
}
