//! Unisono appears on the network as one or more UPnP/DLNA media renderers, fetches and decodes what it is told to
//! play, and plays it through several outputs on one shared clock.
//!
//! The modules in the order in which audio flows, then the order in which commands do:
//! clock → audio → capture, media → sink → playback → zone ← renderer ← upnp.
//! `docs/ARCHITECTURE.md` names every file, says how playing happens, and has the table of who may import what.

pub mod api; // the local control API: JSON over zones and outputs
pub mod app; // the composition root: what is started, with what, in which order
pub mod audio; // blocks, timelines and the sums done on them; no threads, no I/O
pub mod bluetooth; // speakers that are paired, connected and kept so
pub mod capture; // where sound comes into the program by itself
pub mod cast; // a control point: find a renderer, give it a song, follow it
pub mod cli; // what the program can be told on its command line
pub mod clock; // the one time everything is measured against
pub mod config; // what the user writes, and only that
pub mod discovery; // asking and telling the network: renderers nearby, mDNS
pub mod live; // inputs: what comes into the program by itself becomes media
pub mod media; // a URI becomes decoded audio
pub mod playback; // the audio plane: feeder, lanes and their threads
pub mod remote; // a running program, asked and told through its API
pub mod renderer; // what we are on the network: MediaRenderer:1 over a zone
pub mod retry; // when to try again to open what could not be opened
pub mod sink; // where frames leave the program
pub mod sound_card; // sound cards: which there are, and how one is opened
pub mod sound_server; // PulseAudio and PipeWire servers: what they have, and the way to them
pub mod spelling; // what a person most likely meant
pub mod state_dir; // what the program itself remembers from one start to the next
pub mod upnp; // the protocol machine, usable for any device
pub mod urgency; // running at once when one's time has come, however busy the machine is
pub mod view; // a few lines on a terminal that show what is going on
pub mod zone; // one renderer's mind
