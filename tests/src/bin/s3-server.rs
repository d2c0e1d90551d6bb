//! The S3 server of the tests, to try things by hand: `s3-server [--root DIR] [--port N]`.
//!
//! Prints the variables that clients need, and serves until killed. The folders in the root are
//! the buckets; without `--root` it is a new one in the folder for temporary files.

use std::error::Error;
use std::path::PathBuf;
use std::thread;

use cinemill_tests::s3::S3Server;

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn Error>> {
    let (mut root, mut port) = (None, 0);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--root" => root = Some(PathBuf::from(value()?)),
            "--port" => port = value()?.parse()?,
            _ => return Err("usage: s3-server [--root DIR] [--port N]".into()),
        }
    }
    let root = match root {
        Some(root) => root,
        // Kept: a killed process could not remove it anyway.
        None => tempfile::tempdir()?.keep(),
    };
    let server = S3Server::start_at(&root, port)?;
    println!("# {} serves {}", server.endpoint(), root.display());
    for (name, value) in server.environment() {
        println!("export {name}={value}");
    }
    loop {
        thread::park();
    }
}
