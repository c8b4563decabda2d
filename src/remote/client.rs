//! The API's client: requests, answers, and what to tell a person when there is none.
//! It prints nothing.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode, Url};
use serde_json::{Map, Value};

use crate::api::{InputStatus, OutputStatus, Problem, State};

/// A program on this machine answers in a millisecond, one in the house in a few.
const CONNECT_TIME: Duration = Duration::from_secs(3);
/// For a whole answer.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// Why a running program was not reached, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The address is none.
    #[error("{url:?} is no address; write it as http://HOST:PORT")]
    Address {
        /// What was given.
        url: String,
    },
    /// Nobody answers.
    #[error(
        "no Unisono answers at {url}; start it with `unisono run`, or say with --url http://HOST:PORT where it runs"
    )]
    Silent {
        /// Where it was looked for.
        url: Url,
        /// What the network says.
        source: reqwest::Error,
    },
    /// Somebody answers who does not speak like a Unisono of this version.
    #[error(
        "what answers at {url} is no Unisono of this version; say with --url http://HOST:PORT where one runs"
    )]
    Stranger {
        /// Where it was looked for.
        url: Url,
    },
    /// It refused.
    #[error("{0}")]
    Refused(String),
}

/// The way to one running program.
#[derive(Debug)]
pub(super) struct Client {
    base: Url,
    http: reqwest::Client,
}

impl Client {
    pub(super) fn new(url: &str) -> Result<Self, RemoteError> {
        let wrong = || RemoteError::Address {
            url: url.to_owned(),
        };
        let base = Url::parse(url).map_err(|_| wrong())?;
        if base.scheme() != "http" || base.host_str().is_none() {
            return Err(wrong());
        }
        // What is in this house is not reached by way of a proxy.
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_TIME)
            .timeout(ANSWER_TIME)
            .build()
            .map_err(|source| RemoteError::Silent {
                url: base.clone(),
                source,
            })?;
        Ok(Self { base, http })
    }

    /// The state as it was sent, and as it is meant.
    pub(super) async fn state(&self) -> Result<(String, State), RemoteError> {
        let text = self.ask(Method::GET, &["state"], None).await?;
        let state = serde_json::from_str(&text).map_err(|_| self.stranger())?;
        Ok((text, state))
    }

    /// Sets keys of an output, and says what is true then.
    pub(super) async fn set_output(
        &self,
        output: &str,
        changes: &[(String, String)],
    ) -> Result<OutputStatus, RemoteError> {
        let values = changes.iter().map(|(key, text)| (key.clone(), value(text)));
        let body = Value::Object(values.collect::<Map<_, _>>()).to_string();
        let text = self
            .ask(Method::PATCH, &["outputs", output], Some(body))
            .await?;
        serde_json::from_str(&text).map_err(|_| self.stranger())
    }

    /// Has an input played, and says what is true then.
    pub(super) async fn play_input(&self, input: &str) -> Result<InputStatus, RemoteError> {
        let body = Some("{}".to_owned());
        let text = self
            .ask(Method::POST, &["inputs", input, "play"], body)
            .await?;
        serde_json::from_str(&text).map_err(|_| self.stranger())
    }

    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        body: Option<String>,
    ) -> Result<String, RemoteError> {
        let silent = |source| RemoteError::Silent {
            url: self.base.clone(),
            source,
        };
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let answer = request.send().await.map_err(silent)?;
        let status = answer.status();
        let text = answer.text().await.map_err(silent)?;
        if status.is_success() {
            return Ok(text);
        }
        match serde_json::from_str::<Problem>(&text) {
            Ok(problem) => Err(RemoteError::Refused(problem.message)),
            // A Host that is not ours is refused before the API is asked, in plain words.
            Err(_) if status == StatusCode::FORBIDDEN => Err(RemoteError::Refused(format!(
                "{} refuses: {}",
                self.base,
                text.lines().next().unwrap_or_default().escape_debug()
            ))),
            Err(_) => Err(self.stranger()),
        }
    }

    fn stranger(&self) -> RemoteError {
        RemoteError::Stranger {
            url: self.base.clone(),
        }
    }
}

/// What stands on a command line as JSON: numbers, `true` and `false` as such, anything else as text. Whether it fits is for
/// the program to say.
fn value(text: &str) -> Value {
    let text = text.trim();
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
        _ => match text.strip_prefix('+').unwrap_or(text).parse::<f64>() {
            Ok(number) if number.is_finite() => Value::from(number),
            _ => Value::from(text),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_taken_for_what_they_look_like() {
        let check = |text: &str, expected: Value| assert_eq!(value(text), expected, "{text}");
        check("40", json!(40));
        check("-0.5", json!(-0.5));
        check("+12", json!(12.0));
        check("true", json!(true));
        check(" mono", json!("mono"));
        check("inf", json!("inf"));
        check("{}", json!("{}"));
        check("", json!(""));
    }

    #[test]
    fn an_address_is_http_with_a_host() {
        for url in ["127.0.0.1:49494", "https://box:49494", "http://", "box", ""] {
            let said = Client::new(url).expect_err(url).to_string();
            assert!(said.contains("http://HOST:PORT"), "{said}");
        }
        assert!(Client::new("http://box:49494/").is_ok());
    }
}
