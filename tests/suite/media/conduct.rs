//! How a source behaves: bounded, prompt, and gone when it is dropped.

use super::*;

#[tokio::test]
async fn a_seek_while_the_server_is_silent_goes_ahead_at_once() {
    let (bytes, _) = long_wav();
    let server = MediaServer::start();
    let uri = server.serve("/long", Media::new(bytes).stall_after(50_000));
    let mut listener = Listener::open(request(uri));
    listener.opened().await;
    while !matches!(listener.source.poll(), Polled::Pending) {}
    listener.source.seek(Duration::from_secs(150));
    assert_eq!(listener.sought().await, Duration::from_secs(150));
    assert_eq!(number_of(&listener.audio().await), 150 * 44_100);
}

#[tokio::test]
async fn a_seek_before_anything_has_come_is_remembered() {
    let server = MediaServer::start();
    let uri = server.serve("/song", Media::fixture("sine.flac"));
    let mut listener = Listener::open(request(uri));
    listener.source.seek(Duration::from_millis(300));
    listener.source.seek(Duration::from_millis(900));
    listener.opened().await;
    assert_eq!(listener.sought().await, Duration::from_millis(900));
    assert_eq!(
        CD.frames(listener.rest().await.samples.len()),
        WHOLE - 39_690
    );
}

/// Whether a thread of that name is alive in this process.
fn thread_lives(name: &str) -> bool {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.into_iter().any(|found| found.trim() == name)
}

async fn check_letting_go(path: &str, media: Media, wait: impl AsyncFn(&mut Listener)) {
    let server = MediaServer::start();
    let uri = server.serve(path, media);
    let mut listener = Listener::open(request(uri));
    let name = format!("decode-{}", &path[1..]);
    wait(&mut listener).await;
    server.wait_until("asked", |log| log.requests.len() == 1);
    assert!(thread_lives(&name), "{name}");
    drop(listener);
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.wait_until("let go", |log| log.open == 0);
    assert!(!thread_lives(&name), "{name}");
}

#[tokio::test]
async fn dropping_a_source_ends_its_thread_and_its_connection() {
    let begun = async |listener: &mut Listener| {
        listener.opened().await;
    };
    let ended = async |listener: &mut Listener| {
        listener.rest().await;
    };
    // It waits for an answer, for the rest, for someone to poll, for a seek after the end.
    let soon = async |_: &mut Listener| tokio::time::sleep(Duration::from_millis(100)).await;
    check_letting_go("/answer", Media::silence(), soon).await;
    let stalled = Media::fixture("sine.wav").stall_after(60_000);
    check_letting_go("/rest", stalled, begun).await;
    check_letting_go("/poll", Media::new(long_wav().0), begun).await;
    check_letting_go("/seek", Media::fixture("sine.wav"), ended).await;
}

#[tokio::test]
async fn the_end_and_a_failure_repeat_themselves() {
    let server = MediaServer::start();
    let uri = server.serve("/song", Media::fixture("u8.wav"));
    let mut listener = Listener::open(request(uri));
    listener.rest().await;
    assert!(matches!(listener.source.poll(), Polled::End));
    let mut listener = Listener::open(request(server.url("/missing")));
    listener.rest().await;
    listener.source.seek(Duration::ZERO);
    assert!(matches!(listener.source.poll(), Polled::Failed(_)));
}

#[tokio::test]
async fn the_duration_is_the_containers_or_else_the_senders() {
    let server = MediaServer::start();
    let said = Some(Duration::from_secs(7));
    for (name, expected) in [
        ("sine.flac", Some(Duration::from_millis(1500))),
        ("sine.mp3", Some(Duration::from_millis(1500))),
        ("sine.m4a", Some(Duration::from_millis(1500))),
        ("plain.mp3", said),
        ("sine.ogg", said),
        ("sine.aac", said),
    ] {
        let uri = server.serve(&format!("/{name}"), Media::fixture(name));
        let request = MediaRequest {
            duration: said,
            ..request(uri)
        };
        let info = Listener::open(request).opened().await;
        assert_eq!(info.duration, expected, "{name}");
    }
}

#[tokio::test]
async fn damaged_files_end_or_fail_but_never_hang_or_crash() {
    // A fixed sequence: a failure can be repeated.
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize
    };
    for name in [
        "sine.flac",
        "sine.mp3",
        "sine.m4a",
        "alac.m4a",
        "sine.ogg",
        "sine.aac",
        "sine.aiff",
        "u8.wav",
    ] {
        for _ in 0..12 {
            let mut bytes = fixture(name);
            for _ in 0..20 {
                let within = if next() % 2 == 0 { bytes.len() } else { 200 };
                let at = next() % within;
                bytes[at] = next() as u8;
            }
            let server = MediaServer::start();
            let uri = server.serve("/damaged", Media::new(bytes));
            let mut listener = Listener::open(request(uri));
            listener.rest().await;
            listener
                .source
                .seek(Duration::from_millis(next() as u64 % 1500));
            while !matches!(listener.next().await, Polled::End | Polled::Failed(_)) {}
        }
    }
}

#[tokio::test]
async fn a_seek_that_interrupts_a_packet_still_lands_on_the_frame() {
    for name in [
        "sine.wav",
        "sine.flac",
        "sine.mp3",
        "sine.m4a",
        "alac.m4a",
        "sine.ogg",
    ] {
        let bytes = fixture(name);
        // In the middle of a packet, wherever they begin.
        let server = MediaServer::start();
        let uri = server.serve(
            "/song",
            Media::new(bytes.clone()).stall_after(bytes.len() * 2 / 3 + 7),
        );
        let mut listener = Listener::open(request(uri));
        listener.opened().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        while let Polled::Audio(_) = listener.source.poll() {}
        listener.source.seek(Duration::from_millis(700));
        listener.source.seek(Duration::from_millis(1000));
        tokio::time::sleep(Duration::from_millis(20)).await;
        server.release();
        assert_eq!(
            listener.sought().await,
            Duration::from_millis(1000),
            "{name}"
        );
        let heard = listener.rest().await;
        assert!(heard.failure.is_none(), "{name}: {:?}", heard.failure);
        assert_eq!(CD.frames(heard.samples.len()), WHOLE - 44_100, "{name}");
        let inner = &heard.samples[..heard.samples.len() - CD.samples(4096)];
        assert!(deviation(CD, inner, 44_100) < 0.02, "{name}");
    }
}

/// A run of samples of one length and one size, of which there are more than anybody could count.
#[tokio::test]
async fn a_fragment_that_announces_billions_of_samples_keeps_nobody_waiting() {
    let mut bytes = fixture("pieces.mp4");
    let runs = bytes.windows(4).enumerate();
    let run = runs.filter(|(_, name)| name == b"trun").nth(2).unwrap().0;
    // Where the data are is told, and nothing of single samples.
    bytes[run + 4..][..4].copy_from_slice(&[0, 0, 0, 1]);
    bytes[run + 8..][..4].copy_from_slice(&[0xff; 4]);
    let heard = hear(Media::new(bytes)).await;
    // The two fragments before it are whole.
    assert!(CD.frames(heard.samples.len()) >= 5 * 1024, "{heard:?}");
    let inner = &heard.samples[CD.samples(2048)..CD.samples(5 * 1024)];
    assert!(deviation(CD, inner, 2048) < 0.02);
}

/// A decoder would make room for a piece of each of them.
#[tokio::test]
async fn a_header_that_says_more_channels_than_anybody_has_is_not_believed() {
    let mut bytes = fixture("sine.aiff");
    let mut names = bytes.windows(4);
    let common = names.position(|name| name == b"COMM").unwrap();
    bytes[common + 8..][..2].copy_from_slice(&1000_u16.to_be_bytes());
    let heard = hear(Media::new(bytes)).await;
    let failure = heard.failure.expect("nothing is heard").to_string();
    assert!(failure.contains("1000 channels"), "{failure}");
}
