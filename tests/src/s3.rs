//! A real S3 server over HTTP for tests: `s3s` speaks the protocol, `s3s-fs` keeps the objects as
//! files, and [`store`] mends where the latter differs from S3.

mod api;
mod faults;
mod front;
mod holds;
mod multipart;
mod seen;
mod store;
mod troubles;
mod uploads;

use std::collections::hash_map::RandomState;
use std::convert::Infallible;
use std::fs;
use std::hash::BuildHasher;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::sync::oneshot;

pub use self::faults::{Faults, Moment};
use self::front::{Front, serve};
pub use self::holds::Hold;
use self::seen::Seen;
use self::store::Store;
pub use self::troubles::Trouble;

const REGION: &str = "us-east-1";

/// A server on a port of 127.0.0.1, in threads of its own. It stops when dropped, as if killed:
/// requests under way are cut off. One started on the same folder later goes on with its objects,
/// unfinished uploads and keys.
///
/// No two servers may share a folder at one time.
pub struct S3Server {
    root: PathBuf,
    address: SocketAddr,
    keys: Keys,
    faults: Arc<Faults>,
    seen: Arc<Seen>,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl S3Server {
    /// Serves the folder, whose folders are the buckets, on a free port.
    pub async fn start(root: &Path) -> io::Result<Self> {
        Self::start_at(root, 0)
    }

    /// As [`S3Server::start`], for where there is no runtime.
    pub fn start_blocking(root: &Path) -> io::Result<Self> {
        Self::start_at(root, 0)
    }

    /// Serves on a given port, such as that of a server which was there before.
    pub fn start_at(root: &Path, port: u16) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let root = root.canonicalize()?;
        let keys = Keys::of(&root)?;
        let faults = Arc::new(Faults::default());
        let mut builder = S3ServiceBuilder::new(Store::new(&root, Arc::clone(&faults))?);
        builder.set_auth(SimpleAuth::from_single(
            keys.access.clone(),
            keys.secret.clone(),
        ));
        let seen = Arc::new(Seen::default());
        let front = Arc::new(Front {
            service: builder.build(),
            faults: Arc::clone(&faults),
            seen: Arc::clone(&seen),
        });

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("s3-server")
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, front) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_timeout(Duration::from_secs(5));
        });
        Ok(Self {
            root,
            address,
            keys,
            faults,
            seen,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn region(&self) -> &str {
        REGION
    }

    pub fn access_key(&self) -> &str {
        &self.keys.access
    }

    pub fn secret_key(&self) -> &str {
        &self.keys.secret
    }

    pub fn create_bucket(&self, name: &str) -> io::Result<()> {
        fs::create_dir_all(self.root.join(name))
    }

    /// Where the object is, or would be, as a file.
    pub fn object_path(&self, bucket: &str, key: &str) -> PathBuf {
        self.root.join(bucket).join(key)
    }

    /// The keys of the uploads to a bucket that were neither completed nor aborted, in order.
    pub fn open_uploads(&self, bucket: &str) -> io::Result<Vec<String>> {
        let uploads = uploads::open_in(&self.root, bucket)?;
        Ok(uploads.into_iter().map(|upload| upload.key).collect())
    }

    /// What a process needs in its environment to use the server.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint().as_str()),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", self.access_key()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_key()),
            ("AWS_ALLOW_HTTP", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// What it was asked.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// What goes wrong on purpose; it can be changed at any time.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

/// The one pair of keys that the server accepts: made up for a folder, and kept in it so that
/// clients outlive a restart of the server.
struct Keys {
    access: String,
    secret: String,
}

impl Keys {
    fn of(root: &Path) -> io::Result<Self> {
        let path = root.join(".keys");
        if let Ok(text) = fs::read_to_string(&path)
            && let Some((access, secret)) = text.trim_end().split_once('\n')
        {
            return Ok(Self {
                access: access.to_owned(),
                secret: secret.to_owned(),
            });
        }
        let random = || RandomState::new().hash_one("key");
        let keys = Self {
            access: format!("TEST{:016X}", random()),
            secret: format!("{:016x}{:016x}", random(), random()),
        };
        fs::write(&path, format!("{}\n{}\n", keys.access, keys.secret))?;
        Ok(keys)
    }
}
