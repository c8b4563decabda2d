# The commands of this repository. What each does is listed by `make help`.

BUILD_PACKAGES = cmake gcc g++ libc6-dev libasound2-dev libdbus-1-dev libpulse-dev pkg-config
TEST_PACKAGES = dbus ffmpeg pulseaudio pulseaudio-utils python3-dbusmock libfaketime iproute2 util-linux
# Control points that the tests start; those from PyPI and npm besides.
CLIENT_PACKAGES = gupnp-tools xvfb python3-venv

# Tests that run the program on real clocks. They wait most of the time, so two at a time; beside the others, which compute, their
# threads would be held up.
REAL_TIME = bluetooth::speakers program:: pulse::

# The other tests mostly wait, for sockets and for other programs, so that twice as many as there are cores run at a time.
TEST_THREADS = $(shell expr 2 '*' $$(nproc))

# How long each fuzz target runs, in seconds, and which: all, unless some are named.
TIME = 600
TARGETS =

PREFIX = $(HOME)/.local
UNITS = $(HOME)/.config/systemd/user

PROGRAM = target/release/unisono

.PHONY: help run demo bench measure fuzz test test-features install uninstall build-packages test-packages test-clients cargo

help:
	@echo 'make run        install what is missing, build, and run'
	@echo 'make demo       four simulated speakers on this machine alone: no sound card, no network'
	@echo 'make bench      what audio, control and decoding cost on this machine'
	@echo 'make measure    three minutes on sound servers of its own: how well they are in step, and what it costs'
	@echo 'make fuzz       ten minutes of any bytes at all for each thing that reads bytes'
	@echo 'make test       everything that must hold before a change is taken in'
	@echo 'make test-features  the same of what is built otherwise: without what is optional, and with HE-AAC'
	@echo 'make install    put the program into $(PREFIX)/bin and its systemd unit into place'
	@echo 'make uninstall  take both away again'

run: $(PROGRAM)
	@echo
	@echo 'How to play something:'
	@echo '  1. Have the phone or computer you play from in the same network as this machine.'
	@echo '  2. Open an app that can cast to DLNA or UPnP renderers (BubbleUPnP, Hi-Fi Cast and many others).'
	@echo '  3. Where it asks for a renderer or a device to play on, pick "Unisono ($(shell uname -n))", or the zone in your config.'
	@echo '  4. Play a song. Ctrl-C here ends the program.'
	@echo
	@$(PROGRAM) run $(ARGS)

demo: cargo build-packages
	cargo run --release --example demo

bench: cargo build-packages
	cargo bench

# For other crystals, a busy machine or costs alone: ARGS='--crystals=-300,0,500 --busy', ARGS=--cost.
measure: cargo build-packages test-packages
	cargo run --release --example measure -- $(ARGS)

# For an hour of one: TIME=3600 TARGETS=soap.
fuzz: cargo
	scripts/fuzz.sh $(TIME) $(TARGETS)

# Without the default features everything is compiled, by clippy, and not run: each of them chooses one file where a module is declared
# and nothing else. To build it once more, with all that it stands on, would take a quarter of the whole.
test: cargo build-packages test-packages test-clients
	cargo fmt --check
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo clippy --all-targets -- -D warnings
	cargo clippy --all-targets --no-default-features -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --document-private-items
	cargo test --lib --bins --test suite -- --test-threads=$(TEST_THREADS) $(REAL_TIME:%=--skip %)
	cargo test --lib --bins --test suite -- --test-threads=2 $(REAL_TIME)
	cargo test --benches

# Some twelve minutes from nothing. What is chosen by a feature is in few places, and seldom changed.
test-features: cargo build-packages test-packages
	cargo clippy --all-targets --features he-aac -- -D warnings
	cargo test --no-default-features --lib --bins
	cargo test --features he-aac --lib --test suite -- media::

install: $(PROGRAM)
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/unisono
	install -d $(DESTDIR)$(UNITS)
	sed 's|%h/.local/bin|$(PREFIX)/bin|' config/unisono.service > $(DESTDIR)$(UNITS)/unisono.service
	@echo 'Start it with: systemctl --user enable --now unisono'

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/unisono $(DESTDIR)$(UNITS)/unisono.service

# Cargo knows best what has changed.
.PHONY: $(PROGRAM)
$(PROGRAM): cargo build-packages
	cargo build --release

cargo:
	@scripts/require-cargo.sh

build-packages:
	@scripts/install-packages.sh $(BUILD_PACKAGES)

test-packages:
	@scripts/install-packages.sh $(TEST_PACKAGES)

test-clients:
	@scripts/install-packages.sh $(CLIENT_PACKAGES)
	@scripts/install-clients.sh
