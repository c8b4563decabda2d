//! HLS: streams in segments, over and live, heard as the file that was cut.

use super::*;

/// A tag as segments of bare AAC and MP3 begin with.
const TAG: &[u8] = b"ID3\x04\0\0\0\0\0\x05PRIV\0";

/// Serves the pieces of a file as segments, and answers their lines in a list.
fn serve_segments(server: &MediaServer, name: &str, pieces: &[Vec<u8>]) -> Vec<String> {
    let serve = |(number, piece): (usize, &Vec<u8>)| {
        server.serve(&format!("/{name}-{number}"), Media::new(piece.clone()));
        format!("#EXTINF:0.5,\n{name}-{number}\n")
    };
    pieces.iter().enumerate().map(serve).collect()
}

/// Cuts a file anywhere and puts a tag before each piece.
fn tagged(bytes: &[u8], pieces: usize) -> Vec<Vec<u8>> {
    let pieces = bytes.chunks(bytes.len() / pieces + 1);
    pieces.map(|piece| [TAG, piece].concat()).collect()
}

fn list(first: usize, head: &str, segments: &[String], tail: &str) -> Media {
    let segments = segments.concat();
    let text = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n{head}{segments}{tail}"
    );
    Media::new(text.into_bytes()).mime("application/vnd.apple.mpegurl")
}

#[tokio::test]
async fn segments_of_aac_and_mp3_are_heard_as_the_file_they_were() {
    for name in ["sine.aac", "plain.mp3"] {
        let whole = hear(Media::fixture(name).framing(Framing::UntilClose)).await;
        let server = MediaServer::start();
        let segments = serve_segments(&server, "s", &tagged(&fixture(name), 3));
        server.serve("/low", list(7, "", &segments, "#EXT-X-ENDLIST\n"));
        let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=64x64,CODECS=\"avc1.4d,mp4a.40.2\"\nvideo\n\
             #EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS=\"mp4a.40.2\"\nlow\n";
        let uri = server.serve("/master", Media::new(master.as_bytes()));
        let heard = Listener::open(request(uri)).rest().await;
        assert!(heard.failure.is_none(), "{name}: {:?}", heard.failure);
        assert!(heard.samples == whole.samples, "{name}");
        let info = heard.info.unwrap();
        assert!(!info.seekable);
        assert_eq!(info.duration, Some(Duration::from_millis(1500)));
    }
}

/// A file in fragments: what it begins with, and the fragments.
fn fragments(bytes: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let cuts: Vec<usize> = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, it)| it == b"moof")
        .map(|(at, _)| at - 4)
        .collect();
    assert!(cuts.len() > 1);
    let ends = cuts[1..].iter().copied().chain([bytes.len()]);
    let pieces = cuts.iter().zip(ends);
    let pieces = pieces.map(|(from, to)| bytes[*from..to].to_vec());
    (bytes[..cuts[0]].to_vec(), pieces.collect())
}

const MAP: &str = "#EXT-X-MAP:URI=\"init\"\n";
const END: &str = "#EXT-X-ENDLIST\n";

#[tokio::test]
async fn segments_of_mp4_go_on_from_their_beginning() {
    let bytes = fixture("pieces.mp4");
    let whole = hear(Media::new(bytes.clone()).framing(Framing::UntilClose)).await;
    let (beginning, pieces) = fragments(&bytes);
    let server = MediaServer::start();
    server.serve("/init", Media::new(beginning));
    let segments = serve_segments(&server, "m", &pieces);
    let uri = server.serve("/list", list(0, MAP, &segments, END));
    let heard = Listener::open(request(uri)).rest().await;
    assert!(heard.failure.is_none(), "{:?}", heard.failure);
    assert!(heard.samples == whole.samples);
}

#[tokio::test]
async fn a_live_stream_is_followed_from_three_segments_before_its_end() {
    let mp4 = fragments(&fixture("pieces.mp4"));
    assert_eq!(mp4.1.len(), 6);
    for (name, head, (beginning, pieces)) in [
        ("mp3", "", (Vec::new(), tagged(&fixture("plain.mp3"), 6))),
        ("aac", "", (Vec::new(), tagged(&fixture("sine.aac"), 6))),
        ("mp4", MAP, mp4),
    ] {
        let server = MediaServer::start();
        server.serve("/init", Media::new(beginning));
        let segments = serve_segments(&server, "s", &pieces);
        // What is heard when the same segments are all there is.
        let over = server.serve("/over", list(11, head, &segments[1..], END));
        let whole = Listener::open(request(over)).rest().await;
        let before = server.requests().len();

        let uri = server.serve("/live", list(10, head, &segments[..4], ""));
        let mut listener = Listener::open(request(uri));
        assert_eq!(listener.opened().await.duration, None, "{name}");
        // One goes, another comes, and then the end.
        server.serve("/live", list(11, head, &segments[1..5], ""));
        tokio::time::sleep(Duration::from_millis(1200)).await;
        server.serve("/live", list(12, head, &segments[2..], END));
        let heard = listener.rest().await;
        assert!(heard.failure.is_none(), "{name}: {:?}", heard.failure);
        assert!(
            !heard.samples.is_empty() && heard.samples == whole.samples,
            "{name}"
        );
        let asked: Vec<_> = server
            .requests()
            .into_iter()
            .skip(before)
            .map(|it| it.path)
            .filter(|it| it.starts_with("/s-"))
            .collect();
        assert_eq!(asked, ["/s-1", "/s-2", "/s-3", "/s-4", "/s-5"], "{name}");
    }
}

#[tokio::test]
async fn what_is_not_played_of_hls_is_an_error_that_says_so() {
    let transport = vec![0x47; 188 * 4];
    for (head, piece, reason) in [
        ("", transport, "MPEG-TS"),
        (
            "#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n",
            vec![0; 64],
            "encrypted",
        ),
        (
            "#EXT-X-BYTERANGE:64@0\n",
            vec![0; 64],
            "stretches of one file",
        ),
    ] {
        let server = MediaServer::start();
        let segments = serve_segments(&server, "s", &[piece]);
        let uri = server.serve("/list", list(0, head, &segments, "#EXT-X-ENDLIST\n"));
        let heard = Listener::open(request(uri.clone())).rest().await;
        let failure = heard.failure.expect(reason).to_string();
        assert!(
            failure.contains(&uri) && failure.contains(reason),
            "{failure}"
        );
    }
}

#[tokio::test]
async fn a_segment_that_cannot_be_had_is_left_out_and_named() {
    let log = Log::start();
    let pieces = tagged(&fixture("sine.aac"), 3);
    let before = hear(Media::new(pieces[0].clone())).await;
    let after = hear(Media::new(pieces[2].clone())).await;
    let server = MediaServer::start();
    let segments = serve_segments(&server, "s", &pieces);
    let gone = server.serve("/s-1", Media::status(404));
    let uri = server.serve("/list", list(0, "", &segments, END));
    let heard = Listener::open(request(uri.clone())).rest().await;
    assert!(heard.failure.is_none(), "{:?}", heard.failure);
    assert!(heard.samples == [before.samples, after.samples].concat());
    log.assert_line(&["WARN", &uri, &gone, "404", "left out"]);
    assert_eq!(log.text().matches("WARN").count(), 1, "{}", log.text());
}

#[tokio::test]
async fn a_live_stream_goes_on_when_its_list_fails_for_a_moment_or_counts_anew() {
    let log = Log::start();
    let pieces = tagged(&fixture("plain.mp3"), 6);
    let server = MediaServer::start();
    let segments = serve_segments(&server, "s", &pieces);
    let mut whole = Vec::new();
    for half in [&segments[..3], &segments[3..]] {
        let over = server.serve("/over", list(0, "", half, END));
        whole.extend(Listener::open(request(over)).rest().await.samples);
    }
    let uri = server.serve("/live", list(10, "", &segments[..3], ""));
    let mut listener = Listener::open(request(uri.clone()));
    listener.opened().await;
    server.serve("/live", Media::status(503));
    log.wait_for(&["WARN", &uri, "503", "asking again"]).await;
    server.serve("/live", list(2, "", &segments[3..], END));
    let heard = listener.rest().await;
    assert!(heard.failure.is_none(), "{:?}", heard.failure);
    assert!(heard.samples == whole);
    log.assert_line(&["WARN", &uri, "counts its segments anew"]);
}
