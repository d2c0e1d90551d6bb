//! A fake of EC2's instance metadata service, version 2: as much of it as says that a spot
//! instance is taken away.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

const TOKEN: &str = "fake-token";

pub struct FakeMetadata {
    port: u16,
    notice: Arc<Mutex<Option<String>>>,
}

impl FakeMetadata {
    /// There is no notice yet.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let notice: Arc<Mutex<Option<String>>> = Arc::default();
        let told = notice.clone();
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let told = told.clone();
                thread::spawn(move || answer(stream, &told));
            }
        });
        Self { port, notice }
    }

    /// From now on the instance is about to go, at this time.
    pub fn give_notice(&self, time: &str) {
        let notice = format!(r#"{{"action": "terminate", "time": "{time}"}}"#);
        *self.notice.lock().unwrap() = Some(notice);
    }

    pub fn environment(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let variable = "AWS_EC2_METADATA_SERVICE_ENDPOINT".to_owned();
        vec![(variable, endpoint)]
    }
}

/// Answers the requests of one connection.
fn answer(mut stream: TcpStream, notice: &Mutex<Option<String>>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    loop {
        let request = lines.next()?.ok()?;
        let mut has_token = false;
        loop {
            let header = lines.next()?.ok()?.to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            has_token |= header == format!("x-aws-ec2-metadata-token: {TOKEN}");
        }
        let notice = notice.lock().unwrap().clone();
        let path = request.split(' ').nth(1).unwrap_or_default();
        let (status, body) = match (path, has_token, notice) {
            ("/latest/api/token", ..) if request.starts_with("PUT ") => {
                ("200 OK", TOKEN.to_owned())
            }
            (_, false, _) => ("401 Unauthorized", String::new()),
            ("/latest/meta-data/spot/instance-action", true, Some(notice)) => ("200 OK", notice),
            _ => ("404 Not Found", String::new()),
        };
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nx-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .ok()?;
    }
}
