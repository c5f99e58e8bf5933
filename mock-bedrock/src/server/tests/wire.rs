//! Each fault of connections, handshakes, heads, bodies and frames as bytes on a socket.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use super::{
    live::{MESSAGE, admin, contains, settings, state},
    *,
};

/// What came until the end of the connection, and whether that was a reset.
async fn read_out(stream: &mut TcpStream) -> (Vec<u8>, bool) {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return (read, false),
            Ok(count) => read.extend_from_slice(&buffer[..count]),
            Err(_) => return (read, true),
        }
    }
}

async fn send(stream: &mut TcpStream, verb: &str, more: &str) {
    let body = if verb == NATIVE { NATIVE_MESSAGE } else { MESSAGE };
    let length = body.len();
    let head =
        format!("POST /model/m/{verb} HTTP/1.1\r\nhost: x\r\n{more}content-length: {length}\r\n\r\n{body}");
    stream.write_all(head.as_bytes()).await.expect("sent");
}

/// One request on a connection that ends with it.
async fn exchange(server: &Running, verb: &str) -> (Vec<u8>, bool) {
    let mut stream = TcpStream::connect(server.addr()).await.expect("it listens");
    send(&mut stream, verb, "connection: close\r\n").await;
    read_out(&mut stream).await
}

async fn begin(server: &Running, fault: &Value) {
    let (status, said) = admin(server, "POST", "faults", json!({ "name": "f", "fault": fault })).await;
    assert_eq!(status, 200, "{said}");
}

async fn hits(server: &Running) -> u64 {
    state(server).await["faults"][0]["hit"].as_u64().expect("a count")
}

const STREAM: &str = "converse-stream";
const UNARY: &str = "converse";
const NATIVE: &str = "invoke-with-response-stream";
const NATIVE_MESSAGE: &str = r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":100,"messages":[{"role":"user","content":"hello"}]}"#;

#[test]
fn each_fault_of_an_answer_is_there_byte_for_byte() {
    on_runtime(async {
        let server = start(settings(json!({}), "0ms")).await.expect("it starts");
        let unknown = |what: &str| json!({ "frame_unknown": { "what": what, "after": 3 } });
        let order = |what: &str| json!({ "event_order": { "what": what } });
        let page = |status: u16| json!({ "body_html_proxy": { "status": status } });
        // (fault, verb, whether the connection is reset, what is there, what is not)
        let table = [
            (json!({ "connect_refused": {} }), UNARY, true, "", "HTTP"),
            (json!({ "reset_before_head": {} }), STREAM, true, "", "HTTP"),
            (json!({ "reset_before_head": { "wait": "0ms" } }), UNARY, true, "", "HTTP"),
            (json!({ "reset_after_head": {} }), STREAM, true, "HTTP/1.1 200 OK", "messageStart"),
            (json!({ "reset_after_head": {} }), UNARY, true, "HTTP/1.1 200 OK", "output"),
            (json!({ "eof_after_head": {} }), STREAM, false, "\r\n0\r\n", "messageStart"),
            (json!({ "eof_after_head": {} }), UNARY, false, "content-length: ", "output"),
            (json!({ "frame_truncated": { "after": 3 } }), STREAM, false, "contentBlockDelta", "messageStop"),
            (json!({ "frame_crc": { "after": 3 } }), STREAM, false, "contentBlockDelta", "messageStop"),
            (json!({ "frame_crc": { "after": 10 } }), NATIVE, false, "chunk", "metadata"),
            (
                json!({ "frame_length_lie": { "after": 3, "says": "huge" } }),
                STREAM,
                false,
                "\u{7f}",
                "messageStop",
            ),
            (
                json!({ "frame_length_lie": { "after": 3, "says": "tiny" } }),
                STREAM,
                false,
                "\0\0\0\u{8}",
                "messageStop",
            ),
            (order("drop_stop"), STREAM, false, "metadata", "messageStop"),
            (order("drop_stop"), NATIVE, false, "chunk", "\0\0messageStop"),
            (order("drop_start"), STREAM, false, "messageStop", "messageStart"),
            (order("duplicate"), STREAM, false, "messageStop", "nothing"),
            (order("swap"), STREAM, false, "messageStop", "nothing"),
            (unknown("event"), STREAM, false, "richterProbe", "nothing"),
            (unknown("empty"), STREAM, false, "richterProbe", "probe\":true"),
            (unknown("header"), STREAM, false, "x-richter-probe", "nothing"),
            (page(502), STREAM, false, "text/html", "x-amzn-requestid"),
            (page(200), UNARY, false, "HTTP/1.1 200 OK", "output"),
            (json!({ "body_not_json": {} }), UNARY, false, "upstream connect error", "{"),
            (json!({ "status_200_error_body": {} }), UNARY, false, "\"__type\"", "x-amzn-errortype"),
            (json!({ "head_missing": { "what": "request_id" } }), UNARY, false, "200 OK", "x-amzn-requestid"),
            (
                json!({ "wrong_content_type": {} }),
                UNARY,
                false,
                "content-type: text/plain",
                "application/json",
            ),
            (json!({ "gzip_unasked": {} }), UNARY, false, "content-encoding: gzip", "output"),
            (json!({ "slow_head": { "delay": "5ms" } }), UNARY, false, "output", "nothing"),
            (json!({ "trickle": { "bytes": "90000/s" } }), STREAM, false, "metadata", "nothing"),
            (json!({ "trickle": { "bytes": "90000/s" } }), UNARY, false, "output", "nothing"),
        ];
        for (fault, verb, reset, there, missing) in table {
            begin(&server, &fault).await;
            let (bytes, was_reset) = exchange(&server, verb).await;
            let text = String::from_utf8_lossy(&bytes);
            assert_eq!(was_reset, reset, "{fault} {verb}: {text}");
            assert!(contains(&bytes, there) && !contains(&bytes, missing), "{fault} {verb}: {text}");
            assert_eq!(hits(&server).await, 1, "{fault} {verb}");
        }
        let left = state(&server).await;
        assert_eq!(left["open_answers"], 0, "all are settled: {left}");
        server.stop().await;
    });
}

#[test]
fn throttles_lose_their_type_or_say_when_to_come_back() {
    on_runtime(async {
        let quotas = json!({ "quotas": { "on_demand": { "us-east-1": { "requests": "1/min" } } } });
        let server = start(settings(quotas, "0ms")).await.expect("it starts");
        exchange(&server, UNARY).await;
        for (fault, there, missing) in [
            (json!({ "head_missing": { "what": "error_type" } }), "x-amzn-requestid", "x-amzn-errortype"),
            (json!({ "head_missing": { "what": "request_id" } }), "x-amzn-errortype", "x-amzn-requestid"),
            (json!({ "retry_after_hint": {} }), "x-amz-retry-after: 59", "x-amz-retry-after: 60"),
            (json!({ "retry_after_hint": { "says": "5s" } }), "x-amz-retry-after: 5000", "nothing"),
        ] {
            begin(&server, &fault).await;
            let (bytes, _) = exchange(&server, UNARY).await;
            let text = String::from_utf8_lossy(&bytes);
            assert!(text.starts_with("HTTP/1.1 429"), "{fault}: {text}");
            assert!(contains(&bytes, there) && !contains(&bytes, missing), "{fault}: {text}");
            assert_eq!(hits(&server).await, 1, "{fault}");
        }
        server.stop().await;
    });
}

#[test]
fn the_first_bytes_of_a_slow_head_come_alone() {
    on_runtime(async {
        let server = start(settings(json!({}), "0ms")).await.expect("it starts");
        begin(&server, &json!({ "slow_head": { "delay": "300ms" } })).await;
        let mut stream = TcpStream::connect(server.addr()).await.expect("it listens");
        send(&mut stream, UNARY, "connection: close\r\n").await;
        let mut buffer = [0; 4096];
        let first = stream.read(&mut buffer).await.expect("something");
        assert_eq!(&buffer[..first], b"HTTP/1.1 ");
        let (rest, _) = read_out(&mut stream).await;
        assert!(rest.starts_with(b"200 OK"), "{}", String::from_utf8_lossy(&rest));
        server.stop().await;
    });
}

/// Two requests on one connection: what came of the second.
async fn second_exchange(server: &Running) -> (Vec<u8>, bool) {
    let mut stream = TcpStream::connect(server.addr()).await.expect("it listens");
    send(&mut stream, STREAM, "").await;
    let mut first = Vec::new();
    while !first.ends_with(b"\r\n0\r\n\r\n") {
        let mut byte = [0; 1];
        if stream.read(&mut byte).await.expect("no reset yet") == 0 {
            return (first, false);
        }
        first.push(byte[0]);
    }
    send(&mut stream, STREAM, "").await;
    read_out(&mut stream).await
}

#[test]
fn an_idle_connection_is_reset_under_the_next_request() {
    on_runtime(async {
        let server = start(settings(json!({}), "0ms")).await.expect("it starts");
        begin(&server, &json!({ "idle_close": { "after": "1us" } })).await;
        assert_eq!(second_exchange(&server).await, (Vec::new(), true));
        assert_eq!(hits(&server).await, 1, "the first request on a connection is never struck");
        server.stop().await;
    });
}

#[test]
fn an_old_connection_ends_in_order_behind_its_answer() {
    on_runtime(async {
        let server = start(settings(json!({}), "0ms")).await.expect("it starts");
        begin(&server, &json!({ "conn_max_age": { "age": "1us" } })).await;
        let mut stream = TcpStream::connect(server.addr()).await.expect("it listens");
        send(&mut stream, STREAM, "").await;
        let (bytes, reset) = read_out(&mut stream).await;
        assert!(!reset && contains(&bytes, "connection: close") && contains(&bytes, "metadata"));
        server.stop().await;
    });
}

#[test]
fn a_black_hole_is_an_open_connection_without_an_answer() {
    on_runtime(async {
        let server = start(settings(json!({}), "0ms")).await.expect("it starts");
        begin(&server, &json!({ "connect_blackhole": {} })).await;
        let mut stream = TcpStream::connect(server.addr()).await.expect("it listens");
        send(&mut stream, UNARY, "").await;
        while hits(&server).await == 0 {
            tokio::task::yield_now().await;
        }
        assert!(stream.try_read(&mut [0; 1]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock));
        assert_eq!(state(&server).await["counts"][0]["outcome"], "silence");
        server.stop().await;
    });
}

#[test]
fn what_only_a_simulation_can_show_is_not_rolled_here() {
    on_runtime(async {
        let server = start(settings(json!({}), "0ms")).await.expect("it starts");
        begin(&server, &json!({ "dns": { "mode": "nxdomain" } })).await;
        assert!(exchange(&server, UNARY).await.0.starts_with(b"HTTP/1.1 200"));
        assert_eq!(state(&server).await["faults"][0]["rolled"], 0);
        server.stop().await;
    });
}

/// Why a client that trusts the server's authority cannot shake hands; empty if it can.
async fn shake(server: &Running) -> String {
    let pem = server.tls().expect("it speaks TLS").authority_pem();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(server.addr()).await.expect("it listens");
    let name = ServerName::try_from("bedrock-runtime.us-east-1.amazonaws.com").expect("a name");
    let shaken = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    shaken.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn handshakes_fail_in_the_way_that_the_fault_says_and_count_as_hits() {
    on_runtime(async {
        let server = start(Settings { tls: true, ..settings(json!({}), "0ms") }).await.expect("it starts");
        assert_eq!(shake(&server).await, "");
        let bad = |why: &str| json!({ "tls_bad_certificate": { "why": why } });
        for (fault, told) in [
            (json!({ "tls_handshake_fail": {} }), "HandshakeFailure"),
            (json!({ "tls_handshake_fail": { "alert": "protocol_version" } }), "ProtocolVersion"),
            (bad("expired"), "expired"),
            (bad("wrong_name"), "not valid for name"),
            (bad("unknown_ca"), "UnknownIssuer"),
            (json!({ "tls_slow": { "delay": "2ms" } }), ""),
        ] {
            let spec = serde_json::from_value::<crate::fault::FaultSpec>(fault.clone()).expect("a fault");
            let rule = spec.resolve("f", &server.site.world, &|_| None, u64::MAX / 2).expect("a rule");
            server.site.live.look(&server.site.clock, |inside, _| inside.engine.faults_mut().start(rule));
            let refusal = shake(&server).await;
            assert!(
                if told.is_empty() { refusal.is_empty() } else { refusal.contains(told) },
                "{fault}: {refusal}"
            );
            let hit = server.site.live.look(&server.site.clock, |inside, _| {
                inside.engine.faults().hits().next().map(|(_, hits)| hits.hit)
            });
            assert_eq!(hit, Some(1), "{fault}");
        }
        server.stop().await;
    });
}

#[test]
fn a_handshake_fault_of_another_region_strikes_nobody_here() {
    on_runtime(async {
        let world = json!({ "regions": { "us-east-1": { "rtt": "0ms" }, "us-west-2": { "rtt": "0ms" } } });
        let server = start(Settings { tls: true, ..settings(world, "0ms") }).await.expect("it starts");
        let fault = json!({ "tls_handshake_fail": {}, "on": { "region": "us-west-2" } });
        let spec = serde_json::from_value::<crate::fault::FaultSpec>(fault).expect("a fault");
        let rule = spec.resolve("f", &server.site.world, &|_| None, u64::MAX / 2).expect("a rule");
        server.site.live.look(&server.site.clock, |inside, _| inside.engine.faults_mut().start(rule));
        assert_eq!(shake(&server).await, "", "the client's hello names us-east-1");
        server.stop().await;
    });
}
