//! Entry point: hands the arguments to [`snakestone::cli`] and exits with its code.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    snakestone::cli::main()
}
