//! The stand-in for Redshift of the tests, to try things by hand: over the lake that the
//! environment names (`AWS_ENDPOINT_URL`, keys and region, as `s3-server` prints them).
//!
//! Prints the variables that clients need, and serves until killed, or until its standard input
//! ends, which leaves nothing behind.

use std::error::Error;
use std::io::Read as _;

use cinemill_tests::postgres::ADMIN;
use cinemill_tests::redshift::RedshiftServer;

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let environment = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
    let server = RedshiftServer::start_over(environment.collect())?;
    println!(
        "# {} is {}",
        server.endpoint(),
        server.target(server.database())
    );
    println!("# {}", server.wire_target(server.database())?);
    println!("# {} holds the tables", server.postgres().url(ADMIN));
    let variables = server.environment().into_iter();
    for (name, value) in variables.chain(server.postgres().environment(ADMIN)) {
        println!("export {name}={value}");
    }
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
