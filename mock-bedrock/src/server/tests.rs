use std::future::Future;

use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;

/// Runs a test on a runtime of its own.
fn on_runtime(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(test);
}

/// One request over a connection of its own.
async fn ask(addr: SocketAddr, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let stream = TcpStream::connect(addr).await.expect("the server listens");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
    tokio::spawn(connection);
    let response = sender.send_request(request).await.expect("an answer");
    let (head, body) = response.into_parts();
    Response::from_parts(head, body.collect().await.expect("a whole body").to_bytes())
}

fn post(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(path).header("host", "localhost").body(Full::new(body.into())).expect("a request")
}

#[test]
fn an_unknown_operation_is_refused_with_its_name_and_a_request_id() {
    on_runtime(async {
        let server = start(Settings::default()).await.expect("it starts");
        let response = ask(server.addr(), post("/model/m/dance", "{}")).await;
        assert_eq!(response.status(), 404);
        let kind = response.headers()[reply::ERROR_TYPE].to_str().expect("text");
        assert!(kind.starts_with("UnknownOperationException:"), "{kind}");
        assert_eq!(response.headers()[reply::REQUEST_ID].len(), 36);
        server.stop().await;
    });
}

#[test]
fn a_body_above_the_limit_is_refused_with_the_limit_in_the_text() {
    on_runtime(async {
        let server = start(Settings::default()).await.expect("it starts");
        let response = ask(server.addr(), post("/model/m/invoke", vec![b' '; BODY_BYTES_MAX + 1])).await;
        assert_eq!(response.status(), 400);
        let text = std::str::from_utf8(response.body()).expect("text");
        assert!(text.contains("less than or equal to 25000000"), "{text}");
        server.stop().await;
    });
}

#[test]
fn a_connection_above_the_limit_is_told_so() {
    on_runtime(async {
        let limits = Limits { connections: 1, ..Limits::default() };
        let server = start(Settings { limits, ..Settings::default() }).await.expect("it starts");
        let first = TcpStream::connect(server.addr()).await.expect("the first is taken");
        // A whole exchange, so that the first connection is surely counted.
        let mut first = first;
        first.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        let mut buffer = [0; 16];
        first.read_exact(&mut buffer).await.expect("an answer");
        let mut second = TcpStream::connect(server.addr()).await.expect("the system accepts it");
        let mut told = String::new();
        second.read_to_string(&mut told).await.expect("text until the end");
        let (head, body) = told.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains("503") && head.contains(&format!("content-length: {}", body.len())), "{told}");
        server.stop().await;
    });
}

#[test]
fn stopping_closes_idle_connections_and_frees_the_port() {
    on_runtime(async {
        let server = start(Settings::default()).await.expect("it starts");
        let addr = server.addr();
        let mut idle = TcpStream::connect(addr).await.expect("it listens");
        idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        let mut one = [0; 1];
        idle.read_exact(&mut one).await.expect("an answer");
        server.stop().await;
        let mut rest = Vec::new();
        idle.read_to_end(&mut rest).await.expect("a clean end");
        assert!(TcpStream::connect(addr).await.is_err(), "nobody listens any more");
    });
}

#[test]
fn each_region_can_have_a_port_of_its_own() {
    on_runtime(async {
        let region_ports = vec!["us-west-2".to_owned(), "eu-west-1".to_owned()];
        let server = start(Settings { region_ports, ..Settings::default() }).await.expect("it starts");
        let urls: Vec<(&str, String)> = server.region_urls().collect();
        assert_eq!(urls.iter().map(|(region, _)| *region).collect::<Vec<_>>(), ["us-west-2", "eu-west-1"]);
        assert!(urls.iter().all(|(_, url)| *url != server.base_url()));
        server.stop().await;
    });
}
