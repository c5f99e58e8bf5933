//! Clients that mean no good, or do not know better: whatever comes over a connection, the server goes on serving.

use serde_json::json;

use super::{
    live::{MESSAGE, contains, settings, state},
    *,
};
use crate::luck::{Draws, Luck, Stream};

/// Requests that something is wrong with, as many as the text promises.
const MALFORMED: u64 = 10_000;
/// Connections at once.
const AT_ONCE: u64 = 40;

/// Beginnings of which each has its own fault, and bodies that fit none.
const HEADS: [&str; 23] = [
    "POST /model/m/converse HTTP/1.1\r\nhost: x\r\n",
    "POST /model/m/converse-stream HTTP/1.1\r\nhost: x\r\n",
    "POST /model/m/invoke HTTP/1.1\r\nhost: x\r\n",
    "POST /model/%/converse HTTP/1.1\r\nhost: x\r\n",
    "POST /model/%ff%fe/converse HTTP/1.1\r\nhost: x\r\n",
    "POST /model/arn%3Aaws%3Abedrock%3A%2F%2F/converse HTTP/1.1\r\nhost: x\r\n",
    "POST /model//converse HTTP/1.1\r\nhost: x\r\n",
    "POST /model/../../etc/passwd/converse HTTP/1.1\r\nhost: x\r\n",
    "GET /model/m/converse HTTP/1.1\r\nhost: x\r\n",
    "POST /model/m/converse HTTP/1.1\r\n",
    "POST /model/m/converse HTTP/1.0\r\n",
    "POST /model/m/converse HTTP/9.9\r\nhost: x\r\n",
    "POST /model/m/converse\r\n",
    "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n",
    "POST /model/m/converse HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n",
    "POST /model/m/converse HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n",
    "POST /model/m/converse HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n",
    "POST /model/m/converse HTTP/1.1\r\nhost: x\r\ncontent-length: 7\r\ncontent-length: 9\r\n",
    "POST /model/m/converse HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n",
    "POST /model/m/converse HTTP/1.1\r\nhost: x\r\nauthorization: AWS4-HMAC-SHA256 Credential=////\r\n",
    "POST /_richter/faults HTTP/1.1\r\nhost: x\r\n",
    "POST /_richter/quota HTTP/1.1\r\nhost: x\r\n",
    "DELETE /_richter/faults/%00 HTTP/1.1\r\nhost: x\r\n",
];
const BODIES: [&str; 12] = [
    "",
    "{",
    "null",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":1e999}]}]}",
    "{\"messages\":[{\"role\":\"nobody\",\"content\":null}]}",
    "{\"inferenceConfig\":{\"maxTokens\":-1},\"messages\":[]}",
    "{\"inferenceConfig\":{\"maxTokens\":99999999999999999999},\"messages\":[]}",
    "\"\\ud800\"",
    "\u{0}\u{1}\u{2}",
    "5\r\nhello\r\nzz\r\n",
    "{\"name\":\"f\",\"fault\":{\"no_such_fault\":{}}}",
];

/// The n-th malformed request: a head and a body that do not go together, cut or with a byte turned over.
fn malformed(draws: Draws, n: u64) -> Vec<u8> {
    let draw = |purpose, below: usize| draws.draw(n, 0, purpose).below(below as u64) as usize;
    let (head, body) = (HEADS[draw(1, HEADS.len())], BODIES[draw(2, BODIES.len())]);
    let length = match draw(3, 4) {
        0 => String::new(),
        1 => format!("content-length: {}\r\n", body.len() + 1 + draw(4, 50)),
        _ => format!("content-length: {}\r\n", body.len()),
    };
    let mut bytes = format!("{head}{length}\r\n{body}").into_bytes();
    match draw(5, 3) {
        0 => bytes.truncate(draw(6, bytes.len())),
        1 => {
            let place = draw(6, bytes.len());
            bytes[place] ^= 1 << draw(7, 8);
        }
        _ => {}
    }
    bytes
}

/// Sends bytes and nothing after them, and reads whatever comes back.
async fn throw(addr: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(addr).await.expect("it listens");
    let mut answer = Vec::new();
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

async fn serves(server: &Running) {
    assert_eq!(ask(server.addr(), post("/model/m/converse", MESSAGE)).await.status(), 200);
}

/// Only the connection that asks is left.
async fn all_others_gone(server: &Running) {
    while state(server).await["connections"] != 1 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn ten_thousand_malformed_requests_leave_it_serving() {
    on_runtime(async {
        let server = start(settings(json!({}), "0ms")).await.expect("it starts");
        let draws = Luck::new(42, 0).stream(Stream::Sizes);
        let mut refused = 0;
        for batch in 0..MALFORMED / AT_ONCE {
            let addr = server.addr();
            let thrown: Vec<_> = (0..AT_ONCE)
                .map(|n| {
                    let bytes = malformed(draws, batch * AT_ONCE + n);
                    tokio::spawn(async move { throw(addr, &bytes).await })
                })
                .collect();
            for thrown in thrown {
                let answer = thrown.await.expect("no panic");
                // Whoever asks by HTTP/1.0 is answered by it.
                let status = answer.get(9).copied();
                let is_http = answer.starts_with(b"HTTP/1.1 ") || answer.starts_with(b"HTTP/1.0 ");
                assert!(answer.is_empty() || is_http, "{}", String::from_utf8_lossy(&answer));
                assert_ne!(status, Some(b'5'), "{}", String::from_utf8_lossy(&answer));
                refused += u64::from(status == Some(b'4'));
            }
        }
        assert!(refused > MALFORMED / 4, "only {refused} were told what is wrong");
        serves(&server).await;
        all_others_gone(&server).await;
        server.stop().await;
    });
}

#[test]
fn half_open_connections_are_served_around_and_closed_in_time() {
    on_runtime(async {
        let limits = Limits { headers_within: Duration::from_millis(300), ..Limits::default() };
        let server = start(Settings { limits, ..settings(json!({}), "0ms") }).await.expect("it starts");
        let mut held = Vec::new();
        for n in 0..200 {
            let mut stream = TcpStream::connect(server.addr()).await.expect("it listens");
            let said =
                ["", "P", "POST /model/m/converse HTTP/1.1\r\n", "POST / HTTP/1.1\r\nhost: x\r\nx-half"];
            stream.write_all(said[n % 4].as_bytes()).await.expect("sent");
            held.push(stream);
        }
        serves(&server).await;
        for mut stream in held {
            let mut rest = Vec::new();
            // Closed in order, or by a reset where bytes were left unread.
            let _ = stream.read_to_end(&mut rest).await;
            assert!(
                rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"),
                "{}",
                String::from_utf8_lossy(&rest)
            );
        }
        all_others_gone(&server).await;
        server.stop().await;
    });
}

/// Sends bytes one by one, each as soon as the last is gone and a while has passed, until the other side has had enough.
async fn drip(stream: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    let mut answer = [0; 512];
    for byte in bytes.iter().cycle() {
        if stream.write_all(&[*byte]).await.is_err() {
            return Vec::new();
        }
        let pause = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut answer)).await;
        match pause {
            Err(_) => {}
            Ok(Ok(read)) => return answer[..read].to_vec(),
            Ok(Err(_)) => return Vec::new(),
        }
    }
    Vec::new()
}

#[test]
fn whoever_drips_a_head_or_a_body_is_cut_off_though_bytes_keep_coming() {
    on_runtime(async {
        let soon = Duration::from_millis(250);
        let limits = Limits { headers_within: soon, body_within: soon, ..Limits::default() };
        let server = start(Settings { limits, ..settings(json!({}), "0ms") }).await.expect("it starts");
        let mut head = TcpStream::connect(server.addr()).await.expect("it listens");
        head.write_all(b"POST /model/m/converse HTTP/1.1\r\n").await.expect("sent");
        let mut body = TcpStream::connect(server.addr()).await.expect("it listens");
        let begun = b"POST /model/m/converse HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n";
        body.write_all(begun).await.expect("sent");
        let (of_head, of_body) = tokio::join!(drip(&mut head, b"x-drip: 1\r\n"), drip(&mut body, b" "));
        assert!(of_head.is_empty() || of_head.starts_with(b"HTTP/1.1 408"), "{of_head:?}");
        assert!(of_body.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&of_body));
        assert!(contains(&of_body, "did not arrive within"), "{}", String::from_utf8_lossy(&of_body));
        serves(&server).await;
        server.stop().await;
    });
}

#[test]
fn heads_have_limits_and_say_so() {
    on_runtime(async {
        let server = start(settings(json!({}), "0ms")).await.expect("it starts");
        let request =
            |headers: String| format!("POST /model/m/converse HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        for (case, headers) in [
            ("many", "x-a: 1\r\n".repeat(HEADERS_MAX)),
            // A head that is whole after the last piece read is taken, so this one is long by more than a piece.
            ("long", format!("x-a: {}\r\n", "y".repeat(4 * HEADER_BYTES_MAX))),
        ] {
            let answer = throw(server.addr(), request(headers).as_bytes()).await;
            assert!(answer.starts_with(b"HTTP/1.1 431"), "{case}: {}", String::from_utf8_lossy(&answer));
        }
        let fits = request("x-a: 1\r\n".repeat(HEADERS_MAX - 1));
        // It stays open for writing: whoever closes before the answer may get none.
        let mut stream = TcpStream::connect(server.addr()).await.expect("it listens");
        stream.write_all(fits.as_bytes()).await.expect("sent");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 400", "an empty body");
        server.stop().await;
    });
}

#[test]
fn a_body_without_an_announced_length_has_the_same_limit() {
    on_runtime(async {
        let server = start(settings(json!({}), "0ms")).await.expect("it starts");
        let mut stream = TcpStream::connect(server.addr()).await.expect("it listens");
        let head = b"POST /model/m/converse HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head).await.expect("sent");
        let piece = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
        for _ in 0..=BODY_BYTES_MAX >> 20 {
            // It need not read all of it before it answers.
            if stream.write_all(&piece).await.is_err() {
                break;
            }
        }
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).await.unwrap_or(0);
        let answer = &answer[..read];
        assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(answer));
        assert!(contains(answer, "less than or equal to 25000000"), "{}", String::from_utf8_lossy(answer));
        server.stop().await;
    });
}

#[test]
fn answers_above_the_limit_are_refused_with_the_limit_in_the_text() {
    on_runtime(async {
        let limits = Limits { answers: 2, ..Limits::default() };
        let server = start(Settings { limits, ..settings(json!({}), "10s") }).await.expect("it starts");
        let mut held = Vec::new();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(server.addr()).await.expect("it listens");
            let length = MESSAGE.len();
            let head = format!(
                "POST /model/m/converse-stream HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{MESSAGE}"
            );
            stream.write_all(head.as_bytes()).await.expect("sent");
            stream.read_exact(&mut [0; 12]).await.expect("a head");
            held.push(stream);
        }
        let refused = ask(server.addr(), post("/model/m/converse", MESSAGE)).await;
        assert_eq!(refused.status(), 503);
        let text = String::from_utf8_lossy(refused.body()).into_owned();
        assert!(text.contains("2 answers at once"), "{text}");
        drop(held);
        server.stop().await;
    });
}
