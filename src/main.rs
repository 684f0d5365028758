//! Entry point: hands the arguments to [`snakestone::cli`] and exits with its code.

use std::process::ExitCode;

fn main() -> ExitCode {
    snakestone::cli::main()
}
