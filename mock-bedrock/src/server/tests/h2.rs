//! HTTP/2 over plain TCP, as the AWS SDK for JavaScript speaks it.

use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::TokioExecutor;

use super::*;
use crate::server::h2::PREFACE;

/// A connection that has begun without asking whether HTTP/2 is understood; and its end.
async fn connect(
    server: &Running,
) -> (SendRequest<Full<Bytes>>, tokio::task::JoinHandle<Result<(), hyper::Error>>) {
    let stream = TcpStream::connect(server.addr()).await.expect("it listens");
    let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = shaken.await.expect("a handshake");
    (sender, tokio::spawn(connection))
}

const MODEL: &str = "us.amazon.nova-lite-v1%3A0";

fn to(verb: &str) -> Request<Full<Bytes>> {
    let body = r#"{"messages":[{"role":"user","content":[{"text":"hello"}]}]}"#;
    let request =
        Request::post(format!("http://bedrock-runtime.us-east-1.amazonaws.com/model/{MODEL}/{verb}"));
    request.body(Full::new(body.into())).expect("a request")
}

fn quick() -> Settings {
    Settings { speed: 1_000.0, ..Settings::default() }
}

#[test]
fn requests_share_a_connection_and_name_their_region_by_its_authority() {
    on_runtime(async {
        // Nobody calls this Region but by the host in the requests.
        let server = start(Settings { region: "nowhere".to_owned(), ..quick() }).await.expect("it starts");
        let (mut sender, _connection) = connect(&server).await;
        let answers = [sender.send_request(to("converse")), sender.send_request(to("converse-stream"))];
        for answer in answers {
            let (head, body) = answer.await.expect("an answer").into_parts();
            assert_eq!((head.status, head.version), (http::StatusCode::OK, http::Version::HTTP_2));
            assert!(!head.headers.contains_key("connection"), "HTTP/2 has none");
            assert!(body.collect().await.expect("a whole body").to_bytes().len() > 100);
        }
        server.stop().await;
    });
}

#[test]
fn a_reset_breaks_the_whole_connection() {
    on_runtime(async {
        let server = start(quick()).await.expect("it starts");
        let fault = json!({ "name": "f", "fault": { "reset_mid_stream": { "after": 1 } } });
        make(server.addr(), "/_richter/faults", fault).await;
        let (mut sender, connection) = connect(&server).await;
        let answer = sender.send_request(to("converse-stream")).await.expect("a head");
        assert!(answer.into_body().collect().await.is_err(), "the stream breaks");
        let _ = connection.await.expect("no panic");
        assert!(sender.ready().await.is_err(), "and takes its connection with it");
        server.stop().await;
    });
}

#[test]
fn a_connection_on_which_nothing_is_asked_is_closed() {
    on_runtime(async {
        let headers_within = Duration::from_millis(50);
        let limits = Limits { headers_within, ..Limits::default() };
        let server = start(Settings { limits, ..quick() }).await.expect("it starts");
        // By name; in the middle of its name; and with nothing said at all.
        let (_sender, connection) = connect(&server).await;
        let _ = connection.await.expect("it ends");
        for bytes in [&PREFACE[..9], b""] {
            let mut stream = TcpStream::connect(server.addr()).await.expect("it listens");
            stream.write_all(bytes).await.expect("sent");
            let mut rest = Vec::new();
            // A reset where something was left unread, else an orderly end.
            let _ = stream.read_to_end(&mut rest).await;
            assert_eq!(rest, b"", "and nothing was answered");
        }
        server.stop().await;
    });
}

#[test]
fn a_server_that_stops_lets_open_answers_end() {
    on_runtime(async {
        let server = start(quick()).await.expect("it starts");
        let (mut sender, connection) = connect(&server).await;
        let answer = sender.send_request(to("converse-stream")).await.expect("a head");
        let ((), whole) = tokio::join!(server.stop(), answer.into_body().collect());
        assert!(whole.is_ok(), "{whole:?}");
        let _ = connection.await.expect("no panic");
    });
}
