//! HTTP/1.1 as far as the fake needs it: one request a connection, answers that may be cut.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// When it came, by the fake's clock.
    pub(crate) at: Duration,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A value of the query, as it stands there.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// The asked page of the numbers from 0 to `n`.
    pub(crate) fn page(&self, n: usize) -> Value {
        self.page_of(&(0..n).map(|i| json!(i)).collect::<Vec<_>>())
    }

    /// The asked page of `all`.
    pub(crate) fn page_of(&self, all: &[Value]) -> Value {
        let number = |name, default| self.parameter(name).and_then(|n| n.parse().ok()).unwrap_or(default);
        let per_page: usize = number("per_page", 30).min(100);
        all.iter().skip((number("page", 1) - 1) * per_page).take(per_page).cloned().collect()
    }
}

/// An answer.
pub(crate) enum Reply {
    /// Status, headers, body, and whether half of the body is held back.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>, bool),
    /// The connection is closed.
    Cut,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self::Whole(status, headers, body.to_string().into_bytes(), false)
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::Whole(status, Vec::new(), body.as_bytes().to_vec(), false)
    }

    /// No body at all.
    pub(crate) fn empty(status: u16) -> Self {
        Self::Whole(status, Vec::new(), Vec::new(), false)
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Whole(_, headers, ..) = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }

    /// The same, cut off in the middle.
    pub(crate) fn halved(mut self) -> Self {
        if let Self::Whole(.., is_halved) = &mut self {
            *is_halved = true;
        }
        self
    }

    fn write(&self, stream: &mut impl Write) -> std::io::Result<()> {
        let Self::Whole(status, headers, body, is_halved) = self else { return Ok(()) };
        let mut head =
            format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(head.as_bytes())?;
        stream.write_all(b"\r\n")?;
        stream.write_all(if *is_halved { &body[..body.len() / 2] } else { body })?;
        stream.flush()
    }
}

/// Serves on a port of this machine and returns the address. `None` hangs until the client goes away.
pub(crate) fn serve(answer: impl Fn(Seen) -> Option<Reply> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || stream.map(|stream| exchange(stream, &*answer)));
        }
    });
    url
}

fn exchange(mut stream: TcpStream, answer: &dyn Fn(Seen) -> Option<Reply>) {
    let Some(seen) = read(&mut stream) else { return };
    record(&seen);
    match answer(seen) {
        Some(reply) => drop(reply.write(&mut stream)),
        None => drop(stream.read(&mut [0])),
    }
}

/// Adds a request to the file that `contract.sh` wants them in.
fn record(seen: &Seen) {
    let Some(path) = std::env::var_os("SNAKESTONE_RECORD") else { return };
    let body = String::from_utf8_lossy(&seen.body);
    let line = json!({"method": seen.method, "path": seen.path, "query": seen.query, "body": body});
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Reads one request; `None` if the client goes away.
pub(crate) fn read(stream: &mut impl Read) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|&n| n > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    Some(Seen { method, path, query, headers, body, at: Duration::ZERO })
}
