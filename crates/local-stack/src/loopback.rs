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
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-length: {}\r\n", body.len());
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
    // The connection is not announced to be closed, although it will be: a server that expects more on it notices when the client dies.
    let mut answer = Vec::new();
    let mut stream = stream.take(ANSWER_LIMIT);
    while !complete(&answer) && stream.read_buf(&mut answer).await? > 0 {}
    read(&answer).ok_or(Error::Unreadable)
}

/// Whether the answer has ended by its own account. One without a length ends with the connection.
fn complete(answer: &[u8]) -> bool {
    let Some((head, body)) = parts(answer) else { return false };
    let status_without_body = head.split(' ').nth(1).is_some_and(|status| status == "204" || status == "304");
    let length = header(head, "content-length").and_then(|length| length.parse::<usize>().ok());
    status_without_body || length.is_some_and(|length| body.len() >= length) || (chunked(head) && unchunk(body).is_some())
}

fn parts(answer: &[u8]) -> Option<(&str, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((std::str::from_utf8(&answer[..end]).ok()?, &answer[end + 4..]))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().filter_map(|line| line.split_once(':')).find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn chunked(head: &str) -> bool {
    header(head, "transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"))
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
    let (head, body) = parts(answer)?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = if chunked(head) { unchunk(body)? } else { body.to_vec() };
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
    use super::{complete, port, read, split};

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

    #[test]
    fn an_answer_says_where_it_ends() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        assert!((0..whole.len()).all(|length| !complete(&whole[..length])) && complete(whole));
        assert!(complete(b"HTTP/1.1 204 No Content\r\n\r\n"));
        let chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        assert!(!complete(&chunks[..chunks.len() - 9]) && complete(chunks));
        assert!(!complete(b"HTTP/1.1 200 OK\r\n\r\nabc"), "only the end of the connection tells");
    }
}
