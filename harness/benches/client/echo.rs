//! A server that answers at once and remembers when each request came.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;

use super::Outcome;

const ANSWER: &str = r#"{"metrics":{"latencyMs":1},"output":{"message":{"role":"assistant","content":[{"text":"hello"}]}},"stopReason":"end_turn","usage":{"inputTokens":100,"outputTokens":20,"totalTokens":120}}"#;

/// Number of each request, and when it came, in nanoseconds since 1970.
type Came = Arc<Mutex<Vec<(u64, u128)>>>;

/// Serves until its input ends, which it does when its parent dies.
pub fn serve() -> Outcome<()> {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}", listener.local_addr()?);
        let came = Came::default();
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            let came = Arc::clone(&came);
            let answer = service_fn(move |request| answer(Arc::clone(&came), request));
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), answer),
            );
        }
    })
}

async fn answer(came: Came, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() == Method::GET {
        let came = std::mem::take(&mut *came.lock().expect("nothing panics here"));
        let lines: String = came.iter().map(|(number, at)| format!("{number} {at}\n")).collect();
        return Ok(Response::new(Full::new(lines.into())));
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let number =
        request.headers().get("x-richter-request").and_then(|number| number.to_str().ok()?.parse().ok());
    came.lock().expect("nothing panics here").push((number.unwrap_or(0), now));
    drop(request.into_body().collect().await);
    Ok(Response::new(Full::new(Bytes::from_static(ANSWER.as_bytes()))))
}
