//! How much of a file is fetched before it is heard: as much of a long one as of a short one.

use super::*;

/// So much is sent, and then nothing.
const ENOUGH: usize = 32 << 10;

/// How long the media is by what is said at opening, if it is heard with no more than [`ENOUGH`] of it.
async fn duration_by_the_beginning(media: Media) -> Duration {
    let server = MediaServer::start();
    let uri = server.serve("/song", media.stall_after(ENOUGH));
    let mut listener = Listener::open(request(uri));
    let info = listener.opened().await;
    assert!(!listener.audio().await.is_empty());
    assert_eq!(server.requests().len(), 1, "one request");
    assert!(info.seekable);
    info.duration.unwrap()
}

#[tokio::test]
async fn a_wav_of_four_gibibytes_starts_with_as_little_as_a_short_one() {
    // As much as a header can say, less what it says besides.
    let data = u32::MAX - 200;
    let mut header = stairs(0, 0);
    let at = header.len() - 4;
    header[at..].copy_from_slice(&data.to_le_bytes());
    let length = header.len() as u64 + u64::from(data);
    let long = Media::made(length, move |place, most| {
        let rest = header.get(place as usize..).unwrap_or_default();
        if rest.is_empty() {
            vec![1; most]
        } else {
            rest[..rest.len().min(most)].to_vec()
        }
    });
    let short = duration_by_the_beginning(Media::fixture("sine.wav")).await;
    assert_eq!(short, Duration::from_millis(1500));
    let long = duration_by_the_beginning(long).await;
    assert_eq!(long.as_secs(), u64::from(data) / 4 / 44_100);
}

#[tokio::test]
async fn a_flac_of_ten_hours_starts_with_as_little_as_a_short_one() {
    let mut bytes = fixture("sine.flac");
    // The total of frames: 36 bits of STREAMINFO, which stands after the four bytes of the mark and four of its own head.
    let frames = 10_u64 * 3600 * 44_100;
    bytes[21] = bytes[21] & 0xf0 | (frames >> 32) as u8;
    bytes[22..26].copy_from_slice(&(frames as u32).to_be_bytes());
    let short = fixture("sine.flac").len() as u64;
    let length = short / 3 * 2 * 10 * 3600;
    let long = Media::made(length, move |place, most| {
        let at = (place % short) as usize;
        bytes[at..bytes.len().min(at + most)].to_vec()
    });
    let short = duration_by_the_beginning(Media::fixture("sine.flac")).await;
    assert_eq!(short, Duration::from_millis(1500));
    assert_eq!(
        duration_by_the_beginning(long).await,
        Duration::from_hours(10)
    );
}
