//! `cinemill-scheduler`: Ballista's scheduler and the run service, in one process on one port.

mod active;
mod backend;
mod claim;
mod config;
mod fleet;
mod ledger;
mod recovery;
mod rejoin;
mod runs;
mod server;
mod service;
mod slots;

use std::process::ExitCode;

use cinemill_engine::error::Error;
use cinemill_jobs::exit;
use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Plans nest as deep as SQL does, and planning recurses.
const THREAD_STACK_BYTES: usize = 32 << 20;

fn main() -> ExitCode {
    let config = config::Config::parse();
    cinemill_engine::logging::init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(THREAD_STACK_BYTES)
        .build();
    let served = match runtime {
        Ok(runtime) => runtime.block_on(server::serve(config)),
        Err(cause) => Err(Error::new(
            cinemill_engine::error::Kind::Retryable,
            "start",
            "the scheduler's threads",
            cause,
        )),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(hint = error.hint, "{error}");
            exit::code(error.kind)
        }
    }
}
