//! Prints what this machine can play on, in the words the config wants: what `unisono outputs` does.
//! Nothing is played.

use std::io;

fn main() -> io::Result<()> {
    unisono::app::outputs(&mut io::stdout())
}
