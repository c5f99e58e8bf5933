use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// What the server says to one request, to the end of its answer or to `until`.
async fn ask(address: SocketAddr, request: &str, until: Option<&str>) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(request.as_bytes()).await.expect("sent");
    hear(&mut stream, until).await
}

/// What comes up to the end, or to `until`.
async fn hear(stream: &mut TcpStream, until: Option<&str>) -> String {
    let (mut said, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut piece).await.expect("an answer");
        said.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&said);
        if read == 0 || until.is_some_and(|mark| text.contains(mark)) {
            return text.into_owned();
        }
    }
}

async fn get(address: SocketAddr, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"), None).await
}

async fn started(folder: &std::path::Path) -> SocketAddr {
    let serving = Serving::bind(folder.to_owned(), 0).await.expect("a port is free");
    let address = serving.address().expect("it has one");
    tokio::spawn(serving.serve());
    address
}

/// A folder with one run in it.
fn with_a_run() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let done = folder.path().join("a run");
    std::fs::create_dir(&done).expect("made");
    let old = include_bytes!("../../../reports/src/run_file/fixtures/v1.json");
    std::fs::write(done.join("run.json"), old).expect("written");
    let broken = folder.path().join("<b>broken");
    std::fs::create_dir(&broken).expect("made");
    std::fs::write(broken.join("run.json"), "{}").expect("written");
    folder
}

#[tokio::test]
async fn runs_are_listed_and_each_has_its_page() {
    let folder = with_a_run();
    let address = started(folder.path()).await;
    let index = get(address, "/").await;
    assert!(index.starts_with("HTTP/1.1 200 OK"), "{index}");
    assert!(index.contains("&#x2f;runs&#x2f;a%20run&#x2f;") && index.contains("&lt;b&gt;broken"), "{index}");
    assert!(index.contains("UNREADABLE"), "{index}");
    let page = get(address, "/runs/a%20run/").await;
    assert!(page.contains("<h2 id=\"charts\">Charts</h2>"), "{}", &page[..300]);
    assert!(!page.contains("EventSource(\"events\")"), "a run that is over renews nothing");
    let moved = get(address, "/runs/a%20run").await;
    assert!(moved.contains("308") && moved.contains("location: /runs/a%20run/"), "{moved}");
    assert!(get(address, "/runs/a%20run/events").await.contains("event: over"));
    assert!(get(address, "/runs/a%20run/run.json").await.contains("content-type: application/json"));
}

#[tokio::test]
async fn what_is_not_there_or_not_allowed_is_said() {
    let folder = with_a_run();
    let address = started(folder.path()).await;
    assert!(get(address, "/runs/none/").await.contains("no run is called \"none\""));
    assert!(get(address, "/runs/..%2F..%2Fetc/run.json").await.starts_with("HTTP/1.1 404"));
    assert!(get(address, "/runs/%3Cb%3Ebroken/").await.starts_with("HTTP/1.1 500"));
    let post = "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    assert!(ask(address, post, None).await.starts_with("HTTP/1.1 405"));
    let elsewhere = "GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    assert!(ask(address, elsewhere, None).await.starts_with("HTTP/1.1 403"));
}

#[tokio::test]
async fn a_run_that_goes_on_is_followed_until_its_journal_goes() {
    use crate::record::{
        export::Place,
        journal::{Line, Writer},
        tape::Told,
    };
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("going");
    std::fs::create_dir(&run).expect("made");
    let path = run.join("run.journal");
    let mut journal = Writer::create(&path).expect("a journal");
    journal.line(&Line::Head(Box::new(crate::run::follow::tests::head())));
    journal.line(&Line::Cell(Place { strategy: 0, replication: 0 }));
    journal.sync().expect("written");
    let address = started(folder.path()).await;
    let page = get(address, "/runs/going/").await;
    assert!(page.contains("RUNNING") && page.contains("EventSource(\"events\")"), "{page}");
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let listen = b"GET /runs/going/events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
    stream.write_all(listen).await.expect("sent");
    let heard = hear(&mut stream, Some("event: renewed")).await;
    assert!(heard.contains("text/event-stream"), "{heard}");
    journal.line(&Line::Told(Told::Shed { at: 1, due: 1 }));
    journal.sync().expect("written");
    drop(journal);
    std::fs::remove_file(&path).expect("gone");
    let heard = hear(&mut stream, Some("event: over")).await;
    assert!(heard.contains("event: over"), "{heard}");
}
