//! What is kept, what a jump costs, and where parts and titles begin, byte by byte.

use std::io::{Read, Seek, SeekFrom};

use super::*;

const PIECE: usize = 64 << 10;

fn wants_more(intake: &Intake) -> bool {
    let context = Context::from_waker(Waker::noop());
    intake.poll_room(&context).is_ready()
}

fn restart(intake: &Intake) -> Option<u64> {
    match intake.poll_restart(&Context::from_waker(Waker::noop())) {
        Poll::Ready(Place::Byte(from)) => Some(from),
        Poll::Ready(Place::Time(_)) | Poll::Pending => None,
    }
}

fn seekable(length: u64) -> Description {
    Description {
        length: Some(length),
        ranges: true,
        ..Description::default()
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let (intake, mut reader, _interrupter) = buffer();
    let kept = |reader: &ByteReader| {
        let state = reader.shared.lock();
        state.window.end() - state.window.start()
    };
    for _ in 0..200 {
        while wants_more(&intake) {
            intake.push(&[7; PIECE]);
        }
        assert!(kept(&reader) <= AHEAD + BEHIND + PIECE as u64);
        reader.read_exact(&mut [0; 3 * PIECE]).unwrap();
    }
    assert!(kept(&reader) >= BEHIND);
}

#[test]
fn a_jump_within_the_window_is_free_and_one_out_of_it_a_restart() {
    let (intake, mut reader, interrupter) = buffer();
    intake.describe(seekable(1 << 30));
    for byte in 0..32 {
        intake.push(&[byte; PIECE]);
    }
    let mut read_at = |piece: u64| {
        let mut byte = [0];
        reader.seek(SeekFrom::Start(piece * PIECE as u64)).unwrap();
        reader.read_exact(&mut byte).map(|()| byte[0])
    };
    for piece in [31, 26, 24, 30] {
        assert_eq!(read_at(piece).unwrap(), piece as u8);
    }
    assert_eq!(restart(&intake), None);

    // Interrupted before, so that the reads fail instead of waiting.
    interrupter.interrupt(1);
    assert!(read_at(500).is_err());
    intake.push(&[99; PIECE]);
    assert_eq!(restart(&intake), Some(500 * PIECE as u64));
    assert!(read_at(2).is_err());
    assert_eq!(restart(&intake), Some(2 * PIECE as u64));
    intake.push(&[2; PIECE]);
    assert_eq!(read_at(2).unwrap(), 2);
}

/// Reads at once whatever is at hand, at most so much.
fn read(reader: &mut ByteReader, most: usize) -> Vec<u8> {
    let mut bytes = vec![0; most];
    let count = reader.read(&mut bytes).unwrap();
    bytes.truncate(count);
    bytes
}

#[test]
fn a_part_is_read_to_its_end_and_the_next_one_from_its_beginning() {
    let (intake, reader, _interrupter) = buffer();
    intake.describe(Description::default());
    // One that has not begun needs no end.
    intake.part(Description::default());
    intake.push(b"one");
    intake.part(Description::default());
    intake.part(Description::default());
    intake.push(b"two");
    intake.complete();
    let mut first = reader.clone();
    assert_eq!(read(&mut first, 10), b"one");
    assert!(reader.is_at_end_of_part());
    assert_eq!(read(&mut first, 10), b"");
    assert!(reader.next_part());
    let mut second = reader.clone();
    assert_eq!(second.seek(SeekFrom::Start(1)).unwrap(), 1);
    assert_eq!(read(&mut second, 10), b"wo");
    assert_eq!(reader.consumed(), 3);
    assert_eq!(read(&mut second, 10), b"");
    assert!(!reader.is_at_end_of_part() && !reader.next_part());
}

#[test]
fn a_title_is_passed_by_the_read_that_begins_where_it_does() {
    let (intake, mut reader, _interrupter) = buffer();
    intake.title("first".to_owned());
    intake.push(b"abc");
    intake.title("second".to_owned());
    intake.title("third".to_owned());
    intake.push(b"def");
    let told = reader.clone();
    assert_eq!(told.take_title(), None);
    assert_eq!(read(&mut reader, 2), b"ab");
    assert_eq!(told.take_title().as_deref(), Some("first"));
    assert_eq!(read(&mut reader, 10), b"c");
    assert_eq!(told.take_title(), None);
    assert_eq!(read(&mut reader, 1), b"d");
    assert_eq!(told.take_title().as_deref(), Some("third"));
    assert_eq!(told.take_title(), None);
    // Nobody sends so many, and whoever does is not kept.
    for number in 0..10_000 {
        intake.title(number.to_string());
    }
    assert!(reader.shared.lock().titles.len() <= MOST_TITLES);
    assert_eq!(read(&mut reader, 10), b"ef");
}

#[test]
fn what_is_kept_grows_with_what_is_consumed_up_to_a_bound() {
    for (bytes_per_second, expected) in [
        (16_000, AHEAD),
        (1_152_000, MOST_AHEAD),
        (400_000, 400_000 * AHEAD_TIME),
        (u64::MAX, MOST_AHEAD),
    ] {
        let (intake, reader, _interrupter) = buffer();
        // What was thought before does not matter.
        reader.consumes(3_000_000);
        reader.consumes(bytes_per_second);
        while wants_more(&intake) {
            assert!(!reader.stock().full);
            intake.push(&[7; PIECE]);
        }
        let Stock { bytes, full } = reader.stock();
        assert!(full);
        assert!(
            (expected..expected + PIECE as u64).contains(&bytes),
            "{bytes}"
        );
    }
}

#[test]
fn what_is_asked_for_by_time_is_a_part_of_its_own() {
    let (intake, reader, _interrupter) = buffer();
    intake.describe(Description::default());
    intake.push(b"from the beginning");
    let mut first = reader.clone();
    assert_eq!(read(&mut first, 4), b"from");
    let time = Duration::from_secs(90);
    reader.go_to(time);
    // What is still on its way belongs to the place that has been left.
    intake.push(b"stale");
    let context = Context::from_waker(Waker::noop());
    assert_eq!(
        intake.poll_restart(&context),
        Poll::Ready(Place::Time(time))
    );
    let begins = Description {
        begins_at: time,
        ..Description::default()
    };
    intake.describe(begins.clone());
    intake.push(b"from there");
    assert_eq!(reader.describe().unwrap(), begins);
    assert_eq!(read(&mut reader.clone(), 10), b"from there");
}
