//! How many actions a renderer answers in a second, how long each takes, and what it keeps of them.
//! It works with any UPnP renderer, so that two can be compared; see `docs/performance.md`.
//! Usage: `cargo run --release --example load -- LOCATION`, with a LOCATION that `unisono discover` lists.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use unisono::clock::{Clock, ClockTime, SystemClock};

/// Longer than any action may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks a renderer the same question over and over.
#[derive(Debug, Parser)]
struct Options {
    /// The renderer's description: http://ADDRESS:PORT/…
    location: String,
    /// Which action of AVTransport; one without other arguments than the instance.
    #[arg(long, default_value = "GetPositionInfo")]
    action: String,
    /// On so many connections at once.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    connections: u32,
    /// For so long.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// So many times instead, on all connections together.
    #[arg(long)]
    calls: Option<u32>,
    /// Subscribes and unsubscribes so many times, after the calls.
    #[arg(long, default_value_t = 0)]
    subscriptions: u32,
    /// The renderer's process on this machine, whose memory is stated before and after.
    #[arg(long)]
    pid: Option<u32>,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut out = io::stdout();
    let clock = SystemClock::new();
    let renderer = Renderer::find(&options.location)?;
    let before = options.pid.map(resident_kib).transpose()?;

    let begin = clock.now();
    let mut took = ask(&renderer, &options, &clock)?;
    let seconds = clock.now().saturating_since(begin).as_secs_f64();
    took.sort_unstable();
    let of_a_hundred = |count: usize| {
        let at = (took.len() * count / 100).min(took.len().saturating_sub(1));
        took.get(at).map_or(0.0, |took| took.as_secs_f64() * 1000.0)
    };
    writeln!(
        out,
        "{} on {} connections: {} calls in {seconds:.1} s, {:.0} a second; median {:.2} ms, 99 of 100 within {:.2} ms, all within {:.2} ms",
        options.action,
        options.connections,
        took.len(),
        took.len() as f64 / seconds,
        of_a_hundred(50),
        of_a_hundred(99),
        of_a_hundred(100),
    )?;
    if options.subscriptions > 0 {
        let begin = clock.now();
        subscribe(&renderer, options.subscriptions)?;
        let seconds = clock.now().saturating_since(begin).as_secs_f64();
        writeln!(
            out,
            "{} subscriptions begun and ended in {seconds:.1} s",
            options.subscriptions
        )?;
    }
    if let (Some(pid), Some(before)) = (options.pid, before) {
        // What is on its way has arrived by then.
        thread::sleep(Duration::from_secs(1));
        let after = resident_kib(pid)?;
        writeln!(out, "memory: {before} KiB before, {after} KiB after")?;
    }
    Ok(())
}

/// How long each call took.
fn ask(
    renderer: &Renderer,
    options: &Options,
    clock: &SystemClock,
) -> anyhow::Result<Vec<Duration>> {
    let end = clock.now() + Duration::from_secs(options.seconds);
    let share = options
        .calls
        .map(|calls| calls.div_ceil(options.connections));
    let enough = |count: u32, now: ClockTime| share.map_or(now >= end, |share| count >= share);
    let request = renderer.call(&options.action);
    thread::scope(|scope| {
        let workers = (0..options.connections).map(|_| {
            scope.spawn(|| {
                let mut connection = Connection::new(renderer.address);
                let mut took = Vec::new();
                let mut count = 0;
                let mut now = clock.now();
                while !enough(count, now) {
                    let answer = connection.exchange(&request)?;
                    if !answer.starts_with("HTTP/1.1 200") {
                        bail!("the renderer refuses: {answer}");
                    }
                    let then = clock.now();
                    took.push(then.saturating_since(now));
                    (now, count) = (then, count + 1);
                }
                Ok(took)
            })
        });
        let workers: Vec<_> = workers.collect();
        let mut took = Vec::new();
        for worker in workers {
            let part: anyhow::Result<Vec<Duration>> = match worker.join() {
                Ok(part) => part,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            took.extend(part?);
        }
        Ok(took)
    })
}

/// Subscribes to AVTransport and ends that again, so many times; a listener takes the events.
fn subscribe(renderer: &Renderer, times: u32) -> anyhow::Result<()> {
    let mut connection = Connection::new(renderer.address);
    let own = connection.local_ip()?;
    let listener = TcpListener::bind((own, 0))?;
    let callback = listener.local_addr()?;
    thread::spawn(move || {
        for event in listener.incoming() {
            let Ok(mut event) = event else { return };
            // Whoever notifies wants nothing but an answer, and may be gone before it comes.
            let _read = event.read(&mut [0; 64 * 1024]);
            let _sent = event.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let (path, host) = (&renderer.event, renderer.address);
    let begin = format!(
        "SUBSCRIBE {path} HTTP/1.1\r\nHOST: {host}\r\nCALLBACK: <http://{callback}/>\r\nNT: upnp:event\r\nTIMEOUT: Second-300\r\n\r\n"
    );
    for _ in 0..times {
        let answer = connection.exchange(&begin)?;
        let sid = header(&answer, "sid").with_context(|| format!("no subscription: {answer}"))?;
        let end = format!("UNSUBSCRIBE {path} HTTP/1.1\r\nHOST: {host}\r\nSID: {sid}\r\n\r\n");
        let answer = connection.exchange(&end)?;
        if !answer.starts_with("HTTP/1.1 200") {
            bail!("a subscription cannot be ended: {answer}");
        }
    }
    Ok(())
}

/// Where a renderer's AVTransport is.
#[derive(Debug)]
struct Renderer {
    address: SocketAddr,
    service: String,
    control: String,
    event: String,
}

impl Renderer {
    fn find(location: &str) -> anyhow::Result<Self> {
        let wrong = || format!("{location} is not like http://192.168.1.5:49494/…");
        let rest = location.strip_prefix("http://").with_context(wrong)?;
        let (address, path) = rest.split_once('/').with_context(wrong)?;
        let address = address.parse().with_context(wrong)?;
        let request = format!("GET /{path} HTTP/1.1\r\nHOST: {address}\r\n\r\n");
        let answer = Connection::new(address).exchange(&request)?;
        let (_, document) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let document = roxmltree::Document::parse(document)
            .with_context(|| format!("{location} is no description"))?;
        let text = |node: roxmltree::Node<'_, '_>, name: &str| {
            let mut children = node.children();
            let child = children.find(|child| child.tag_name().name() == name)?;
            child.text().map(str::to_owned)
        };
        let mut services = document
            .descendants()
            .filter(|it| it.tag_name().name() == "service");
        let found = services.find_map(|node| {
            let service = text(node, "serviceType")?;
            service
                .contains(":AVTransport:")
                .then_some((node, service.clone()))
        });
        let (node, service) = found.context("it has no AVTransport")?;
        Ok(Self {
            address,
            service,
            control: text(node, "controlURL").context("no controlURL")?,
            event: text(node, "eventSubURL").context("no eventSubURL")?,
        })
    }

    fn call(&self, action: &str) -> String {
        let service = &self.service;
        let body = format!(
            "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body><u:{action} xmlns:u=\"{service}\">\
             <InstanceID>0</InstanceID></u:{action}></s:Body></s:Envelope>"
        );
        format!(
            "POST {} HTTP/1.1\r\nHOST: {}\r\nCONTENT-TYPE: text/xml; charset=\"utf-8\"\r\n\
             SOAPACTION: \"{service}#{action}\"\r\nCONTENT-LENGTH: {}\r\n\r\n{body}",
            self.control,
            self.address,
            body.len()
        )
    }
}

/// A connection that is kept as long as the renderer keeps it.
struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

impl Connection {
    fn new(address: SocketAddr) -> Self {
        let stream = None;
        Self { address, stream }
    }

    fn stream(&mut self) -> io::Result<&mut TcpStream> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            self.stream = Some(stream);
        }
        self.stream
            .as_mut()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn local_ip(&mut self) -> io::Result<std::net::IpAddr> {
        Ok(self.stream()?.local_addr()?.ip())
    }

    /// Sends a request and reads one answer; once more on a new connection if the old one was closed in between.
    fn exchange(&mut self, request: &str) -> anyhow::Result<String> {
        let old = self.stream.is_some();
        let answer = match self.try_exchange(request) {
            Err(_) if old => {
                self.stream = None;
                self.try_exchange(request)?
            }
            answer => answer?,
        };
        let closes = header(&answer, "connection")
            .is_some_and(|connection| connection.eq_ignore_ascii_case("close"));
        if closes || header(&answer, "content-length").is_none() {
            self.stream = None;
        }
        Ok(answer)
    }

    fn try_exchange(&mut self, request: &str) -> io::Result<String> {
        let stream = self.stream()?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        let mut chunk = [0; 16 * 1024];
        loop {
            let count = stream.read(&mut chunk)?;
            answer.extend_from_slice(chunk.get(..count).unwrap_or_default());
            let text = String::from_utf8_lossy(&answer);
            let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                header(head, "content-length")
                    .and_then(|length| length.parse().ok())
                    .is_some_and(|length: usize| body.len() >= length)
            });
            if whole || count == 0 && !answer.is_empty() {
                return Ok(text.into_owned());
            }
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// The value of a header in an answer.
fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let found = lines.find(|(header, _)| header.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim())
}

/// How much memory a process occupies.
fn resident_kib(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("there is no process {pid}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let words = line.and_then(|line| line.split_whitespace().next());
    Ok(words.context("its memory is not stated")?.parse()?)
}
