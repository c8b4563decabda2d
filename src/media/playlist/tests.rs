use super::*;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/playlists");

fn base() -> Url {
    Url::parse("http://radio.example/lists/all.txt").unwrap()
}

/// A playlist of this content under a name that says nothing.
fn read_text(text: &[u8]) -> Result<Vec<Entry>, Unreadable> {
    let kind = Kind::of(text, "/list", None).expect("a playlist");
    read(kind, text, &base())
}

fn read_file(name: &str) -> Result<Vec<Entry>, Unreadable> {
    let bytes = std::fs::read(format!("{FIXTURES}/{name}")).unwrap();
    let kind = Kind::of(&bytes[..bytes.len().min(HEAD)], name, None);
    read(kind.expect(name), &bytes, &base())
}

/// Addresses parted by spaces, title and seconds.
type Row<'a> = (&'a str, Option<&'a str>, Option<f64>);

fn check(name: &str, expected: &[Row<'_>]) {
    let entries = read_file(name).expect(name);
    let rows: Vec<(String, Option<&str>, Option<f64>)> = entries
        .iter()
        .map(|entry| {
            let addresses: Vec<&str> = entry.addresses.iter().map(Url::as_str).collect();
            let duration = entry.duration.map(|it| it.as_secs_f64());
            (addresses.join(" "), entry.title.as_deref(), duration)
        })
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(addresses, title, seconds)| ((*addresses).to_owned(), *title, *seconds))
        .collect();
    assert_eq!(rows, expected, "{name}");
}

#[test]
fn every_kind_is_read_as_it_is_found_in_the_field() {
    check(
        "plain.m3u",
        &[
            ("http://ice.example:8000/jazz", None, None),
            ("https://ice2.example/jazz?a=1&b=2", None, None),
        ],
    );
    check(
        "songs.m3u",
        &[
            (
                "http://radio.example/lists/one%20song.mp3",
                Some("Bj\u{f6}rk - J\u{f3}ga"),
                Some(305.0),
            ),
            ("http://radio.example/two.flac", None, None),
            (
                "https://other.example/three.ogg",
                Some("Three, and a comma"),
                Some(12.5),
            ),
        ],
    );
    check(
        "utf8.m3u8",
        &[(
            "http://radio.example/lists/%D0%BF%D0%B5%D1%81%D0%BD%D1%8F.mp3",
            Some("\u{41f}\u{435}\u{441}\u{43d}\u{44f}"),
            Some(61.0),
        )],
    );
    check(
        "shoutcast.pls",
        &[
            (
                "http://ice1.example/groove-128-mp3",
                Some("Groove (#1): a station"),
                None,
            ),
            (
                "http://ice2.example/groove-128-mp3",
                Some("Groove (#2): a station"),
                None,
            ),
        ],
    );
    check(
        "reference.pls",
        &[
            ("http://wm.example/stream?MSWMExt=.asf", None, None),
            ("http://wm.example:8080/stream?MSWMExt=.asf", None, None),
        ],
    );
    check(
        "songs.xspf",
        &[
            (
                "http://radio.example/a.ogg https://mirror.example/a.ogg",
                Some("Ann & Bob - First"),
                Some(271.066),
            ),
            ("http://radio.example/lists/b.ogg", Some("Second"), None),
        ],
    );
    check(
        "station.asx",
        &[
            (
                "http://a.example/live?x=1&y=2 http://b.example/live",
                Some("Radio <One>"),
                None,
            ),
            ("http://radio.example/lists/more.asx", None, None),
            ("http://c.example/jingle.mp3", Some("A jingle"), Some(62.5)),
        ],
    );
}

#[test]
fn what_cannot_be_fetched_is_left_out_and_told_when_there_is_nothing_else() {
    let entries = read_text(
        b"#EXTM3U\nfile:///etc/passwd\nmms://a.example/x\nhttp://b.example/x\nC:\\Music\\x.mp3\n",
    );
    let entries = entries.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].addresses[0].as_str(), "http://b.example/x");
    let elsewhere = read_text(b"#EXTM3U\nrtsp://a.example/x\n").unwrap_err();
    assert_eq!(
        elsewhere,
        Unreadable::Elsewhere("rtsp://a.example/x".to_owned())
    );
    assert!(elsewhere.to_string().contains("rtsp://a.example/x"));
    assert_eq!(read_text(b"#EXTM3U\r\n\r\n"), Err(Unreadable::Empty));
    assert_eq!(
        read_text(b"[playlist]\nNumberOfEntries=0\n"),
        Err(Unreadable::Empty)
    );
}

#[test]
fn a_stream_is_read_as_its_segments_and_qualities() {
    let read = |name: &str| {
        let bytes = std::fs::read(format!("{FIXTURES}/{name}")).unwrap();
        assert_eq!(Kind::of(&bytes, "/list", None), Some(Kind::Hls));
        hls::read(&bytes, &base()).unwrap()
    };
    let hls::Hls::Media(list) = read("segments.m3u8") else {
        panic!("not of segments");
    };
    assert!(list.ended);
    assert_eq!(list.duration().map(|it| it.as_millis()), Some(19_800));
    let addresses: Vec<&str> = list.segments.iter().map(|it| it.address.as_str()).collect();
    assert_eq!(
        addresses,
        [
            "http://radio.example/lists/seg-0.aac",
            "http://radio.example/lists/seg-1.aac"
        ]
    );
    let hls::Hls::Master(addresses) = read("master.m3u8") else {
        panic!("not of qualities");
    };
    let addresses: Vec<&str> = addresses.iter().map(Url::as_str).collect();
    assert_eq!(
        addresses,
        [
            "http://radio.example/lists/high/index.m3u8",
            "http://radio.example/lists/low/index.m3u8"
        ]
    );
}

#[test]
fn what_is_read_is_bounded() {
    let many = "http://a.example/x\n".repeat(MOST_ENTRIES + 5);
    assert_eq!(read_text(many.as_bytes()).unwrap().len(), MOST_ENTRIES);
    let long = "http://a.example/x\n".repeat(LONGEST / 19 + 1);
    assert_eq!(read_text(long.as_bytes()), Err(Unreadable::TooLong));
    let title = format!("#EXTM3U\n#EXTINF:1e300,{}\nx\n", "\u{e9}".repeat(1000));
    let entry = &read_text(title.as_bytes()).unwrap()[0];
    assert_eq!(entry.title.as_ref().unwrap().len(), LONGEST_TITLE);
    assert_eq!(entry.duration, None);
}

#[test]
fn a_playlist_is_known_by_its_content_and_where_that_says_nothing_by_its_name() {
    let check = |head: &[u8], path: &str, mime: Option<&str>, kind: Option<Kind>| {
        let found = Kind::of(head, path, mime);
        assert_eq!(found, kind, "{} {path} {mime:?}", head.escape_ascii());
    };
    let mpegurl = Some("audio/x-mpegurl; charset=utf-8");
    check(b"\xef\xbb\xbf#EXTM3U\n", "/x", None, Some(Kind::M3u));
    check(
        b"# a comment\n\nHTTP://a.example/\n",
        "/x",
        None,
        Some(Kind::M3u),
    );
    check(b"song.mp3\n", "/x", None, None);
    check(b"song.mp3\n", "/x.M3U", None, Some(Kind::M3u));
    check(b"song.mp3\n", "/x", mpegurl, Some(Kind::M3u));
    check(
        b"\r\n[Playlist]\r\n",
        "/x",
        Some("audio/mpeg"),
        Some(Kind::Pls),
    );
    check(
        b"File1=http://a.example/\n",
        "/x",
        Some("audio/x-scpls"),
        Some(Kind::Pls),
    );
    check(b"<ASX version = \"3.0\">", "/x", None, Some(Kind::Asx));
    check(
        b"<?xml version=\"1.0\"?><!-- <asx> --><playlist>",
        "/x",
        None,
        Some(Kind::Xspf),
    );
    // What its name alone says of a file does not make it one.
    check(b"ID3\x04\0\0\0\0\0\x0a", "/x.m3u", mpegurl, None);
    check(b"\xff\xfb\x90\x64\0\0", "/x.m3u", mpegurl, None);
    check(b"fLaC", "/x.pls", mpegurl, None);
    check(b"<!DOCTYPE html><html>", "/x.m3u", mpegurl, None);
    check(b"", "/x.m3u", mpegurl, None);
}
