//! A real PostgreSQL server for tests, run from the installed programs.

mod data;
mod passwords;
mod programs;
mod server;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::runtime::Builder;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use self::data::Data;
use self::passwords::Passwords;
pub use self::passwords::made_up;
pub use self::programs::program;
use self::server::Server;
use crate::processes::{LIMIT, Result, free_port, poll};

/// The superuser.
pub const ADMIN: &str = "admin";
/// The database of the tests.
pub const DATABASE: &str = "dev";

/// How often a server is started on a port that turns out to be taken.
const STARTS: u32 = 5;

/// The rows of an answer, all values as text.
pub type Rows = Vec<Vec<Option<String>>>;

/// A server on a port of 127.0.0.1, with a cluster of its own. It is stopped and forgotten when
/// dropped.
pub struct Postgres {
    // Before the folder, which must not go while the server writes to it.
    server: Mutex<Option<Server>>,
    data: Data,
    passwords: Passwords,
    port: u16,
}

impl Postgres {
    pub fn start() -> Result<Self> {
        Self::start_with(false)
    }

    /// Answers over the network with TLS only; clients know it by [`Postgres::ca_file`].
    pub fn start_with_tls() -> Result<Self> {
        Self::start_with(true)
    }

    fn start_with(has_tls: bool) -> Result<Self> {
        let mut failure = None;
        for _ in 0..STARTS {
            let postgres = Self::make(free_port()?, has_tls)?;
            match postgres.launch() {
                Ok(()) => {
                    postgres.execute_in("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
                    return Ok(postgres);
                }
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| "PostgreSQL was never started".into()))
    }

    fn make(port: u16, has_tls: bool) -> Result<Self> {
        let passwords = Passwords::default();
        Ok(Self {
            server: Mutex::default(),
            data: Data::make(&passwords, port, has_tls)?,
            passwords,
            port,
        })
    }

    /// Starts the server's processes, and waits until it takes connections.
    fn launch(&self) -> Result<()> {
        let mut server = Server::start(&self.data)?;
        let answered = poll("PostgreSQL to take connections", || {
            if server.is_over() {
                let log = std::fs::read_to_string(self.data.log()).unwrap_or_default();
                return Some(Err(format!("PostgreSQL does not start:\n{log}").into()));
            }
            let answer = self.execute_in("postgres", "SELECT 1");
            answer.is_ok().then_some(Ok(()))
        })?;
        *self.running() = Some(server);
        answered
    }

    fn running(&self) -> MutexGuard<'_, Option<Server>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What clients are told: never the password, but whom to trust where there is TLS.
    pub fn url(&self, user: &str) -> String {
        let tls = self.ca_file().map_or(String::new(), |authority| {
            let authority = authority.display();
            format!("?sslmode=verify-full&sslrootcert={authority}")
        });
        format!("postgres://{user}@127.0.0.1:{}/{DATABASE}{tls}", self.port)
    }

    pub fn password(&self, user: &str) -> String {
        self.passwords.of(user)
    }

    /// What a process needs in its environment to log in.
    pub fn environment(&self, user: &str) -> Vec<(String, String)> {
        vec![("PGPASSWORD".to_owned(), self.password(user))]
    }

    /// The certificate that clients must trust; only servers with TLS have one.
    pub fn ca_file(&self) -> Option<PathBuf> {
        self.data.has_tls.then(|| self.data.ca_file())
    }

    /// Adds a user who may log in and nothing else.
    pub fn create_user(&self, user: &str) -> Result<()> {
        let (name, password) = (user.replace('"', "\"\""), self.password(user));
        self.execute_batch(&format!(
            "CREATE ROLE \"{name}\" LOGIN PASSWORD '{password}'"
        ))
    }

    /// Asks as the superuser; where several statements are given, returns the rows of all.
    pub fn query(&self, sql: &str) -> Result<Rows> {
        self.in_database(DATABASE, async |client| {
            let messages = client.simple_query(sql).await?;
            let rows = messages.into_iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => {
                    let values = (0..row.len()).map(|at| row.get(at).map(str::to_owned));
                    Some(values.collect())
                }
                _ => None,
            });
            Ok(rows.collect())
        })
    }

    /// Runs statements as the superuser.
    pub fn execute_batch(&self, sql: &str) -> Result<()> {
        self.execute_in(DATABASE, sql)
    }

    fn execute_in(&self, database: &str, sql: &str) -> Result<()> {
        self.in_database(database, async |client| {
            Ok(client.batch_execute(sql).await?)
        })
    }

    /// On a thread of its own, because the caller may run in a runtime.
    fn in_database<T: Send>(
        &self,
        database: &str,
        run: impl AsyncFnOnce(Client) -> Result<T> + Send,
    ) -> Result<T> {
        let mut config = self.config(ADMIN);
        config.dbname(database);
        let asked = || {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let (client, connection) = config.connect(NoTls).await?;
                let connection = tokio::spawn(connection);
                let done = tokio::time::timeout(LIMIT, run(client)).await;
                connection.abort();
                done?
            })
        };
        let joined = thread::scope(|scope| scope.spawn(asked).join());
        joined.map_err(|_| "a query's thread panicked")?
    }

    /// How to connect from this machine, by the socket and without TLS.
    pub fn config(&self, user: &str) -> Config {
        let mut config = Config::new();
        config
            .host_path(self.data.folder())
            .port(self.port)
            .user(user)
            .password(self.password(user))
            .dbname(DATABASE);
        config
    }

    /// As the machine's killer of processes would: all of the server is gone at once.
    pub fn kill(&self) -> Result<()> {
        match self.running().take() {
            Some(mut server) => server.kill(),
            None => Ok(()),
        }
    }

    /// Starts it again, on the same port with the same data; one that still runs is stopped first.
    pub fn restart(&self) -> Result<()> {
        drop(self.running().take());
        self.launch()
    }

    /// Ends a user's connections, as an administrator would; returns how many there were.
    pub fn terminate_connections(&self, user: &str) -> Result<usize> {
        let ended = self.query(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}' \
             AND pid <> pg_backend_pid()",
            user.replace('\'', "''")
        ))?;
        Ok(ended.len())
    }
}
