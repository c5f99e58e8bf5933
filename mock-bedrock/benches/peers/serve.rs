//! `peers serve NAME`: the servers that are written in Rust, each as a process of its own that prints where it listens.

use std::{io::Write as _, net::TcpListener};

use richter_mock_bedrock::server;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use super::{
    Outcome, bare,
    worlds::{self, Pace},
};

/// Serves until its input ends, which it does when its parent dies. A name is a kind of server and, for two of them, a pace: `mock-instant`, `bare-steady`.
pub fn serve(name: &str) -> Outcome<()> {
    let (kind, pace) = name.split_once('-').unwrap_or((name, Pace::Instant.name()));
    // As the binary `mock-bedrock` has it.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let settings = worlds::settings(pace).ok_or("no pace of that name")?;
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    runtime.block_on(async {
        match kind {
            "mock" => {
                let running = server::start(settings).await?;
                say(&running.base_url())?;
                std::future::pending::<()>().await;
            }
            "bare" => {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
                say(&format!("http://{}", listener.local_addr()?))?;
                bare::serve(listener, pace).await;
            }
            "wiremock" => {
                let server = wiremock().await?;
                say(&server.uri())?;
                std::future::pending::<()>().await;
            }
            _ => return Err("no server of that name".into()),
        }
        Ok(())
    })
}

fn say(url: &str) -> std::io::Result<()> {
    println!("{url}");
    std::io::stdout().flush()
}

/// As people write it: an answer by method and path. It keeps no requests, which would be unfair to it here.
async fn wiremock() -> Outcome<MockServer> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let server = MockServer::builder().listener(listener).disable_request_recording().start().await;
    let answer = |bytes: Vec<u8>, kind: &str| ResponseTemplate::new(200).set_body_raw(bytes, kind);
    let whole = answer(bare::whole("hello"), "application/json");
    let stream = answer(bare::events().concat(), bare::EVENT_STREAM);
    for (verb, template) in [("converse", whole), ("converse-stream", stream)] {
        let path = matchers::path_regex(format!("^/model/[^/]+/{verb}$"));
        Mock::given(matchers::method("POST")).and(path).respond_with(template).mount(&server).await;
    }
    Ok(server)
}
