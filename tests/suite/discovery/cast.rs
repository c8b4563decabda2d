//! Casting to a paper renderer on loopback.

use std::future::{pending, ready};
use std::net::Ipv4Addr;
use std::time::Duration;

use unisono::cast::{CastError, CastOptions, Ended, RemoteRenderer, cast, discover};
use unisono::discovery::Search;

use super::paper_renderer::{Manners, PaperRenderer, answer_searches};

const URL: &str = "http://192.0.2.20/My%20Song.flac?a=1&b=<2>";

async fn search(locations: &[&str]) -> Search {
    Search {
        interfaces: vec![Ipv4Addr::LOCALHOST],
        timeout: Duration::from_millis(100),
        to: answer_searches(locations).await,
    }
}

async fn options(url: &str, to: &str, locations: &[&str]) -> CastOptions {
    CastOptions {
        search: search(locations).await,
        poll: Duration::from_millis(5),
        ..CastOptions::new(url, to)
    }
}

/// A renderer with these manners, told to play; how that ended, what was shown, and the renderer.
async fn cast_to(manners: Manners) -> (Result<Ended, CastError>, String, PaperRenderer) {
    let renderer = PaperRenderer::start("Living room", "1", manners).await;
    let options = options(URL, "LIVING", &[&renderer.location]).await;
    let mut shown = Vec::new();
    let ended = cast(&options, pending(), &mut shown).await;
    (ended, String::from_utf8(shown).unwrap(), renderer)
}

#[tokio::test]
async fn a_song_is_set_played_and_followed_to_its_end() {
    let (ended, shown, renderer) = cast_to(Manners {
        length: Some(7),
        ..Manners::default()
    })
    .await;
    assert_eq!(ended.unwrap(), Ended::Stopped);
    assert_eq!(renderer.told(), ["SetAVTransportURI", "Play"]);
    let body = renderer.body("SetAVTransportURI");
    let uri = "<CurrentURI>http://192.0.2.20/My%20Song.flac?a=1&amp;b=&lt;2&gt;</CurrentURI>";
    assert!(body.contains(uri), "{body}");
    assert!(
        body.contains("&lt;dc:title&gt;My Song.flac&lt;/dc:title&gt;"),
        "{body}"
    );
    assert!(body.contains("<InstanceID>0</InstanceID>"), "{body}");
    assert!(renderer.body("Play").contains("<Speed>1</Speed>"));
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(
        lines,
        [
            "My Song.flac plays on Living room",
            "0:00:01 of 0:00:07",
            "over"
        ]
    );
}

#[tokio::test]
async fn an_interrupted_cast_stops_the_renderer() {
    let renderer = PaperRenderer::start("Den", "1", Manners::default()).await;
    let options = options(URL, "den", &[&renderer.location]).await;
    let mut shown = Vec::new();
    let interrupt = async {
        while !renderer.told().contains(&"Play".to_owned()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let ended = cast(&options, interrupt, &mut shown).await.unwrap();
    assert_eq!(ended, Ended::Interrupted);
    assert_eq!(renderer.told(), ["SetAVTransportURI", "Play", "Stop"]);

    // Before anything is found there is nothing to stop.
    let ended = cast(&options, ready(()), &mut shown).await.unwrap();
    assert_eq!(ended, Ended::Interrupted);
    assert_eq!(renderer.told().len(), 3);
}

#[tokio::test]
async fn a_song_that_does_not_play_is_an_error() {
    let (ended, _, _) = cast_to(Manners {
        fails: true,
        ..Manners::default()
    })
    .await;
    let error = ended.unwrap_err();
    assert!(matches!(error, CastError::NotPlayed { .. }), "{error}");
    assert!(error.to_string().contains(URL), "{error}");
}

#[tokio::test]
async fn somebody_elses_song_is_not_followed() {
    let (ended, shown, renderer) = cast_to(Manners {
        taken_over_after: Some(3),
        ..Manners::default()
    })
    .await;
    assert_eq!(ended.unwrap(), Ended::TakenOver);
    assert!(!renderer.told().contains(&"Stop".to_owned()));
    assert!(
        shown.ends_with("the renderer plays something else now\n"),
        "{shown}"
    );
}

#[tokio::test]
async fn refusals_name_the_renderer_and_the_action() {
    let (ended, _, renderer) = cast_to(Manners {
        refuses: Some("SetAVTransportURI"),
        ..Manners::default()
    })
    .await;
    let error = ended.unwrap_err().to_string();
    assert!(
        error.contains("Living room refuses SetAVTransportURI"),
        "{error}"
    );
    assert!(error.contains("714"), "{error}");
    assert_eq!(renderer.told(), [""; 0]);
}

#[tokio::test]
async fn the_name_must_fit_exactly_one() {
    let one = PaperRenderer::start("Kitchen", "1", Manners::default()).await;
    let two = PaperRenderer::start("Kitchen window", "2", Manners::default()).await;
    let there = [one.location.as_str(), two.location.as_str()];
    let mut shown = Vec::new();
    for (to, sentence) in [
        (
            "garage",
            "no renderer's name contains \"garage\"; found: \"Kitchen\" (",
        ),
        (
            "kitch",
            "several renderers' names contain \"kitch\": \"Kitchen\" (",
        ),
    ] {
        let options = options(URL, to, &there).await;
        let error = cast(&options, pending(), &mut shown)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(sentence), "{error}");
        assert!(error.contains("\"Kitchen window\" ("), "{error}");
    }
    // Exactly so called goes before merely containing it.
    let exact = options(URL, "kitchen", &there).await;
    let played = async {
        while !one.told().contains(&"Play".to_owned()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    cast(&exact, played, &mut shown).await.unwrap();
    assert_eq!(two.told(), [""; 0]);

    let nobody = options(URL, "kitchen", &[]).await;
    let error = cast(&nobody, pending(), &mut shown).await.unwrap_err();
    assert!(matches!(error, CastError::NobodyThere), "{error}");
}

#[tokio::test]
async fn files_and_other_schemes_are_explained_before_searching() {
    let mut shown = Vec::new();
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for (url, sentence) in [
        (manifest, "is a file of this machine"),
        (
            "Cargo.toml",
            "http://ADDRESS-OF-THIS-MACHINE:8000/Cargo.toml",
        ),
        ("/no/such/file.mp3", "must begin with http://"),
        ("rtsp://192.0.2.20/x", "must begin with http://"),
    ] {
        // Nothing would answer this search.
        let options = options(url, "x", &[]).await;
        let error = cast(&options, pending(), &mut shown)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(sentence), "{error}");
    }
    assert!(shown.is_empty());
}

#[tokio::test]
async fn discover_lists_names_and_locations() {
    let den = PaperRenderer::start("Den", "d", Manners::default()).await;
    let hall = PaperRenderer::start("Great hall", "h", Manners::default()).await;
    let mut shown = Vec::new();
    let both = search(&[&den.location, &hall.location]).await;
    assert_eq!(discover(&both, &mut shown).await.unwrap().len(), 2);
    let expected = format!(
        "Den         {}  uuid:d\nGreat hall  {}  uuid:h\n",
        den.location, hall.location
    );
    assert_eq!(String::from_utf8(shown).unwrap(), expected);

    let mut shown = Vec::new();
    discover(&search(&[]).await, &mut shown).await.unwrap();
    let said = String::from_utf8(shown).unwrap();
    assert!(
        said.starts_with("No renderer answered within 0.1 s."),
        "{said}"
    );
}

#[tokio::test]
async fn a_remote_renderer_says_what_it_does() {
    let paper = PaperRenderer::start("Den", "d", Manners::default()).await;
    let remote = RemoteRenderer::connect(&paper.location).await.unwrap();
    remote.set_volume(42).await.unwrap();
    remote.seek(Duration::from_millis(187_900)).await.unwrap();
    remote.pause().await.unwrap();
    let body = paper.body("SetVolume");
    assert!(
        body.contains("<Channel>Master</Channel><DesiredVolume>42</DesiredVolume>"),
        "{body}"
    );
    let body = paper.body("Seek");
    assert!(
        body.contains("<Unit>REL_TIME</Unit><Target>0:03:07</Target>"),
        "{body}"
    );
    let playback = remote.playback().await.unwrap();
    assert_eq!(
        (playback.state.as_str(), playback.duration),
        ("STOPPED", None)
    );
    assert!(!playback.is_active() && !playback.failed && playback.uri.is_empty());

    let error = RemoteRenderer::connect("http://127.0.0.1:1/x")
        .await
        .unwrap_err();
    assert!(matches!(error, CastError::Unanswered { .. }), "{error}");
}
