//! The whole program: the real binary, a config, loopback, and what is in the files of its two outputs afterwards.
//! How parts of it decide is tested where those parts are.

mod bad_input;
mod commands;
mod control;
mod formats;
mod found;
mod life;
mod playing;
mod reach;
