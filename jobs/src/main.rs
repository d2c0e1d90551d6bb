//! `cinemill`: the command line. One file per verb in `cli/`.

mod cli;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Plans nest as deep as SQL does, and planning recurses.
const THREAD_STACK_BYTES: usize = 16 << 20;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(THREAD_STACK_BYTES)
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(cli::run());
            // Work that a cancelled run left behind shall not hold up the process's end.
            runtime.shutdown_background();
            code
        }
        Err(_) => ExitCode::from(20),
    }
}
