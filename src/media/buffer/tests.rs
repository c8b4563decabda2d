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
