//! A line between two programs: what it carries, and what it does to them when it is cut.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fargate_runners_local_stack::line::{Condition, Line, Moment, Trap};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that answers each line with the same line, and counts them.
async fn echo() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let heard = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counter = Arc::clone(&counter);
            tokio::spawn(async move {
                let mut bytes = [0; 64];
                while let Ok(length @ 1..) = stream.read(&mut bytes).await {
                    counter.fetch_add(1, Ordering::SeqCst);
                    if stream.write_all(&bytes[..length]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, heard)
}

/// Asks, and gives what came back; nothing where the connection broke.
async fn ask(stream: &mut TcpStream, question: &str) -> Option<String> {
    stream.write_all(question.as_bytes()).await.ok()?;
    let mut bytes = [0; 64];
    match stream.read(&mut bytes).await {
        Ok(length @ 1..) => Some(String::from_utf8_lossy(&bytes[..length]).into_owned()),
        Ok(0) | Err(_) => None,
    }
}

async fn connect(line: &Line) -> TcpStream {
    TcpStream::connect(("127.0.0.1", line.port())).await.expect("the line listens")
}

#[tokio::test]
async fn a_whole_line_carries_and_a_mended_one_carries_again() {
    let (port, _) = echo().await;
    let line = Line::open(port).await.expect("a line");
    let mut before = connect(&line).await;
    assert_eq!(ask(&mut before, "one").await.as_deref(), Some("one"));
    line.set(Condition::Cut);
    assert_eq!(ask(&mut before, "two").await, None, "whoever is connected is cut off");
    let mut during = connect(&line).await;
    assert_eq!(ask(&mut during, "three").await, None, "and whoever connects");
    assert_eq!(line.broken(), 2);
    line.set(Condition::Whole);
    let mut after = connect(&line).await;
    assert_eq!(ask(&mut after, "four").await.as_deref(), Some("four"));
}

#[tokio::test]
async fn what_is_said_into_a_silence_never_gets_there() {
    let (port, heard) = echo().await;
    let line = Line::open(port).await.expect("a line");
    let mut stream = connect(&line).await;
    assert!(ask(&mut stream, "before").await.is_some());
    line.set(Condition::Silent);
    let (answer, ()) = tokio::join!(ask(&mut stream, "into the silence"), async {
        while line.broken() == 0 {
            tokio::task::yield_now().await;
        }
        line.set(Condition::Whole);
    });
    assert_eq!(answer, None);
    assert_eq!(heard.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_trap_springs_once_before_the_question_has_arrived_or_after_it_was_answered() {
    for (moment, heard_before, heard_after) in [(Moment::Asked, 0, 1), (Moment::Answered, 1, 2)] {
        let (port, heard) = echo().await;
        let line = Line::open(port).await.expect("a line");
        let seen: Arc<Mutex<Vec<SocketAddr>>> = Arc::default();
        let for_trap = Arc::clone(&seen);
        let spring = Box::new(move |who| {
            for_trap.lock().expect("no panic").push(who);
            true
        });
        line.lay(Trap { moment, spring });
        let mut stream = connect(&line).await;
        let address = stream.local_addr().expect("an address");
        assert_eq!(ask(&mut stream, "one").await, None, "{moment:?}");
        assert_eq!(heard.load(Ordering::SeqCst), heard_before, "{moment:?}");
        assert_eq!(*seen.lock().expect("no panic"), [address]);
        let mut again = connect(&line).await;
        assert!(ask(&mut again, "two").await.is_some(), "it springs once");
        assert_eq!(heard.load(Ordering::SeqCst), heard_after);
    }
}
