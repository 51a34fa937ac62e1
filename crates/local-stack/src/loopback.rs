//! A client for HTTP on this machine: one request, one connection, nothing kept.
//!
//! It exists because names below `localhost` must reach 127.0.0.1 whatever the resolver says (the emulator tells its APIs apart by them), and
//! because a stand-in listener, of which a hundred may run, should weigh nothing. It must never reach anything but loopback.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// More than any answer that is read here.
const ANSWER_LIMIT: u64 = 8 * 1024 * 1024;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The address is not one of this machine's.
    #[error("{0} is not an http address on loopback")]
    Address(String),
    /// Nobody listens, or the connection broke.
    #[error("the connection failed")]
    Broken(#[from] std::io::Error),
    /// What came is not HTTP.
    #[error("the answer is not HTTP")]
    Unreadable,
    /// It took too long.
    #[error("no answer in time")]
    TimedOut,
}

/// Sends a request and waits for the whole answer.
pub(crate) async fn send(
    method: &str,
    url: &str,
    headers: &[(&'static str, String)],
    body: &[u8],
    limit: Duration,
) -> Result<Answer, Error> {
    tokio::time::timeout(limit, exchange(method, url, headers, body)).await.unwrap_or(Err(Error::TimedOut))
}

async fn exchange(method: &str, url: &str, headers: &[(&'static str, String)], body: &[u8]) -> Result<Answer, Error> {
    let (authority, path) = split(url)?;
    let port = port(authority).ok_or_else(|| Error::Address(url.to_owned()))?;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    let mut request = head.into_bytes();
    request.extend_from_slice(body);
    stream.write_all(&request).await?;
    let mut answer = Vec::new();
    // "connection: close" makes the end of the stream the end of the answer, whatever its framing.
    stream.take(ANSWER_LIMIT).read_to_end(&mut answer).await?;
    read(&answer).ok_or(Error::Unreadable)
}

fn split(url: &str) -> Result<(&str, &str), Error> {
    let rest = url.strip_prefix("http://").ok_or_else(|| Error::Address(url.to_owned()))?;
    let at = rest.find('/').unwrap_or(rest.len());
    Ok((&rest[..at], if at == rest.len() { "/" } else { &rest[at..] }))
}

/// The port of an authority on this machine.
fn port(authority: &str) -> Option<u16> {
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
    let ours = host == "127.0.0.1" || host == "localhost" || host.ends_with(".localhost");
    if ours { port.parse().ok() } else { None }
}

fn read(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = &answer[end + 4..];
    let chunked = head.lines().any(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("transfer-encoding:") && line.contains("chunked")
    });
    let body = if chunked { unchunk(body)? } else { body.to_vec() };
    Some(Answer { status, body })
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::{port, read, split};

    #[test]
    fn only_this_machine_is_reached() {
        assert_eq!(port("abc.execute-api.localhost:4566"), Some(4566));
        assert_eq!(port("127.0.0.1:80"), Some(80));
        assert_eq!(port("localhost.example.com:80"), None);
        assert!(split("https://127.0.0.1/").is_err());
        assert_eq!(split("http://localhost:1").ok(), Some(("localhost:1", "/")));
    }

    #[test]
    fn chunks_are_put_together() {
        let answer = read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").expect("readable");
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"abcde".as_slice()));
        assert!(read(b"nonsense").is_none());
    }
}
