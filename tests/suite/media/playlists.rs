//! Playlists at the address of a track: what is heard of them, and what is said where nothing is.

use super::*;

/// Serves `playlist` under a name that says nothing, with `BASE` in it replaced by the server's address, and hears it out.
async fn hear_list(server: &MediaServer, playlist: &str) -> Heard {
    let text = playlist.replace("BASE", &server.url(""));
    let uri = server.serve("/list", Media::new(text.into_bytes()).mime("text/plain"));
    Listener::open(request(uri)).rest().await
}

fn paths(server: &MediaServer) -> Vec<String> {
    let requests = server.requests();
    requests.into_iter().map(|request| request.path).collect()
}

#[tokio::test]
async fn a_playlist_of_one_song_in_every_kind_is_the_song_and_can_be_sought_in() {
    for playlist in [
        "BASE/song\r\n",
        "\u{feff}#EXTM3U\n#EXTINF:1,A song\n/song\n",
        "[playlist]\nFile1=BASE/song\nTitle1=A song\nLength1=-1\nNumberOfEntries=1\n",
        "[Reference]\r\nRef1=BASE/song\r\n",
        "<asx version=\"3.0\"><entry><ref href=\"BASE/song\"/></entry></asx>",
        "<?xml version=\"1.0\"?><playlist xmlns=\"http://xspf.org/ns/0/\"><trackList><track>\
         <location>song</location></track></trackList></playlist>",
    ] {
        let server = MediaServer::start();
        server.serve("/song", Media::fixture("sine.flac"));
        let heard = hear_list(&server, playlist).await;
        assert!(heard.failure.is_none(), "{playlist}: {:?}", heard.failure);
        assert_eq!(CD.frames(heard.samples.len()), WHOLE, "{playlist}");
        assert!(deviation(CD, &heard.samples, 0) < 1e-4, "{playlist}");
        let info = heard.info.unwrap();
        assert!(info.seekable, "{playlist}");
        assert_eq!(info.duration, Some(Duration::from_millis(1500)));
        assert_eq!(paths(&server), ["/list", "/song"], "{playlist}");
    }
}

#[tokio::test]
async fn a_place_in_the_only_song_of_a_playlist_is_asked_for_at_the_song() {
    let server = MediaServer::start();
    let (bytes, _) = long_wav();
    server.serve("/long", Media::new(bytes));
    let list = Media::new(&b"#EXTM3U\nlong\n"[..]);
    let mut listener = Listener::open(request(server.serve("/list", list)));
    listener.opened().await;
    listener.source.seek(Duration::from_secs(250));
    while !matches!(listener.next().await, Polled::Sought(_)) {}
    assert_eq!(number_of(&listener.audio().await), 250 * 44_100);
    assert_eq!(paths(&server), ["/list", "/long", "/long"]);
}

#[tokio::test]
async fn several_songs_are_heard_one_after_the_other_whole_with_their_titles() {
    let server = MediaServer::start();
    server.serve("/a.flac", Media::fixture("sine.flac"));
    server.serve("/b.wav", Media::fixture("sine.wav"));
    let playlist =
        "#EXTM3U\n#EXTINF:2,One\na.flac\n#EXTINF:3,Two\nb.wav\n#EXTINF:4,Three\na.flac\n";
    let heard = hear_list(&server, playlist).await;
    assert!(heard.failure.is_none(), "{:?}", heard.failure);
    assert_eq!(CD.frames(heard.samples.len()), 3 * WHOLE);
    for song in heard.samples.chunks(CD.samples(WHOLE)) {
        assert!(deviation(CD, song, 0) < 1e-4);
    }
    let titles: Vec<_> = heard
        .titles
        .iter()
        .map(|(_, title)| title.as_str())
        .collect();
    assert_eq!(titles, ["One", "Two", "Three"]);
    let info = heard.info.unwrap();
    assert_eq!(info.duration, Some(Duration::from_secs(9)));
    assert!(!info.seekable);
    assert_eq!(paths(&server), ["/list", "/a.flac", "/b.wav", "/a.flac"]);
}

#[tokio::test]
async fn what_the_sender_has_named_keeps_its_name() {
    let server = MediaServer::start();
    server.serve("/song", Media::fixture("sine.flac"));
    let list = "[playlist]\nFile1=song\nTitle1=(#1 - 3/500) A station\n";
    let uri = server.serve("/list", Media::new(list.as_bytes()));
    let named = MediaRequest {
        titled: true,
        ..request(uri)
    };
    let heard = Listener::open(named).rest().await;
    assert_eq!(CD.frames(heard.samples.len()), WHOLE);
    assert!(heard.titles.is_empty(), "{:?}", heard.titles);
}

#[tokio::test]
async fn of_several_servers_the_first_that_sends_anything_playable_is_heard() {
    let log = Log::start();
    let server = MediaServer::start();
    let page = Media::new(&b"<html>We have moved</html>"[..]).mime("text/html");
    server.serve("/page", page);
    server.serve("/radio", Media::fixture("sine.mp3").framing(Framing::Icy));
    let playlist =
        "[playlist]\nFile1=mms://127.0.0.1/x\nFile2=BASE/gone\nFile3=BASE/page\nFile4=BASE/radio\n";
    let heard = hear_list(&server, playlist).await;
    assert!(heard.failure.is_none(), "{:?}", heard.failure);
    assert!(CD.frames(heard.samples.len()) >= WHOLE);
    assert_eq!(paths(&server), ["/list", "/gone", "/page", "/radio"]);
    let list = server.url("/list");
    log.assert_line(&["WARN", &list, "404", "what the playlist names next"]);
    // The references of one entry are the same from several servers: it is heard once.
    let playlist =
        "<asx><entry><ref href=\"gone\"/><ref href=\"radio\"/><ref href=\"radio\"/></entry></asx>";
    let once = hear_list(&server, playlist).await;
    assert_eq!(once.samples.len(), heard.samples.len());
}

#[tokio::test]
async fn a_playlist_that_names_a_playlist_is_followed_and_a_circle_is_an_error() {
    let server = MediaServer::start();
    server.serve("/song", Media::fixture("sine.flac"));
    server.serve("/inner", Media::new(&b"[playlist]\nFile1=song\n"[..]));
    let heard = hear_list(&server, "<asx><entryref href=\"inner\"></asx>").await;
    assert_eq!(CD.frames(heard.samples.len()), WHOLE, "{:?}", heard.failure);
    assert!(heard.info.unwrap().seekable);
    let circle = "#EXTM3U\nlist\nlist\n";
    let failure = hear_list(&server, circle)
        .await
        .failure
        .unwrap()
        .to_string();
    assert!(failure.contains(&server.url("/list")), "{failure}");
    assert!(failure.contains("3 times over"), "{failure}");
    assert!(server.requests().len() < 20);
}

#[tokio::test]
async fn a_playlist_that_does_not_play_says_which_and_why() {
    for (playlist, reason) in [
        ("#EXTM3U\n", "the playlist is empty"),
        (
            "#EXTM3U\nmms://a.example/x\n",
            "only what is not fetched, such as mms://a.example/x",
        ),
        ("#EXTM3U\nBASE/gone\n", "404"),
    ] {
        let server = MediaServer::start();
        let heard = hear_list(&server, playlist).await;
        assert!(heard.samples.is_empty());
        let failure = heard.failure.expect(playlist).to_string();
        assert!(failure.contains(&server.url("/list")), "{failure}");
        assert!(failure.contains(reason), "{failure}");
    }
    let server = MediaServer::start();
    let endless = "http://a.example/x\n".repeat(20_000);
    let failure = hear_list(&server, &endless).await.failure.unwrap();
    assert!(
        failure.to_string().contains("longer than 256 KiB"),
        "{failure}"
    );
}

#[tokio::test]
async fn no_entry_leads_to_this_renderer_itself() {
    let own = MediaServer::start();
    own.serve("/song", Media::fixture("sine.flac"));
    let network = Network::new(Handle::current(), vec![own.port()]);
    let server = MediaServer::start();
    let list = format!("#EXTM3U\n{}\n{}\n", own.url("/song"), own.url("/song"));
    let uri = server.serve("/list", Media::new(list.into_bytes()));
    let heard = Listener::on(&network, request(uri)).rest().await;
    let failure = heard.failure.unwrap().to_string();
    assert!(failure.contains("this renderer itself"), "{failure}");
    assert!(own.requests().is_empty());
}
