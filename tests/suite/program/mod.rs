//! The whole program: the real binary, a config, loopback, and what is in the files of its two outputs afterwards.
//! How parts of it decide is tested where those parts are.

mod bad_input;
mod claims;
mod commands;
mod control;
mod descriptions;
mod formats;
mod found;
mod hostile;
mod life;
mod load;
mod network;
mod playing;
mod reach;
mod secure;
mod unsteady;
