//! Stands between a client and the scheduler, and loses an answer.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

pub struct Proxy {
    address: SocketAddr,
    lost: Arc<AtomicBool>,
}

impl Proxy {
    /// Passes everything on, but cuts the connection in place of the first answer to a request that
    /// begins like this.
    pub fn losing_an_answer_to(request: &'static str, scheduler: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let lost = Arc::new(AtomicBool::new(false));
        let (scheduler, to_lose) = (scheduler.to_owned(), lost.clone());
        // Ends with the process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(&scheduler).unwrap();
                let (server, lost) = (server, to_lose.clone());
                thread::spawn(move || pass(client, server, request, &lost));
            }
        });
        Self { address, lost }
    }

    pub fn address(&self) -> String {
        self.address.to_string()
    }

    pub fn has_lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }
}

/// Passes requests and answers on until one side goes away.
fn pass(client: TcpStream, server: TcpStream, request: &str, lost: &AtomicBool) {
    let armed = Arc::new(AtomicBool::new(false));
    let (mut requests, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (wanted, asked) = (request.as_bytes().to_owned(), armed.clone());
    thread::spawn(move || {
        let mut bytes = [0; 1 << 16];
        while let Ok(count @ 1..) = requests.read(&mut bytes) {
            if bytes.starts_with(&wanted) {
                asked.store(true, Ordering::SeqCst);
            }
            if to_server.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let (mut answers, mut to_client) = (server, client);
    let mut bytes = [0; 1 << 16];
    while let Ok(count @ 1..) = answers.read(&mut bytes) {
        if armed.load(Ordering::SeqCst) && !lost.swap(true, Ordering::SeqCst) {
            break;
        }
        if to_client.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to_client.shutdown(Shutdown::Both);
}
