//! What a scan costs against parsing alone, and against parsing and lowering, measured in one run on one thread:
//! `cargo bench --bench scan -- PATH [PATH…]`. Prints seconds of processor time, their ratios, lines per second,
//! microseconds per function, bytes per line and the share of calls that are not resolved.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use snakestone::base::IdVec;
use snakestone::discover::{self, Selection};
use snakestone::text::{FileId, SourceFile};
use snakestone::{python, rules, scan};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rounds; the fastest of each kind counts, since noise only adds.
const ROUNDS: usize = 5;

fn main() {
    let paths: Vec<PathBuf> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).map(PathBuf::from).collect();
    if paths.is_empty() {
        println!("usage: cargo bench --bench scan -- PATH [PATH…]");
        return;
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .stack_size(scan::STACK_SIZE)
        .build()
        .expect("one thread");
    pool.install(|| paths.iter().for_each(|path| measure(path)));
}

fn measure(path: &Path) {
    forget_peak();
    let everything = Selection { everything: true, ..Selection::default() };
    let found = discover::discover(path, &[path.to_owned()], &everything).expect("the path can be read");
    let load = || -> IdVec<FileId, SourceFile> {
        found.files.iter().filter_map(|entry| discover::load(entry).ok()).map(|(file, _)| file).collect()
    };
    let (files, loading) = best(load);
    let (_, parsing) = best(|| {
        files.iter().filter_map(|file| python::parse(file).ok()).map(|p| p.body().len()).sum::<usize>()
    });
    let flows = |id: &str| rules::pages().iter().any(|page| page.id == id && page.flow.is_some());
    let own = rules::judge(|id| !flows(id));
    let all = rules::judge(|_| true);
    let (_, without) = best(|| scan::scan(&files, &own, &|| ()).findings.len());
    let none = rules::judge(|_| false);
    let (_, lowering) = best(|| scan::scan(&files, &none, &|| ()).findings.len());
    let stats = scan::stats(&files, &scan::scan(&files, &none, &|| ()).fronts, &all);
    let (findings, scanning) = best(|| scan::scan(&files, &all, &|| ()).findings.len());
    let lines: u32 = files.iter().map(SourceFile::n_lines).sum();
    let (part, whole) = (loading + without, loading + scanning);
    let lowered = loading + lowering;
    println!("{}: {} files, {lines} lines, {findings} findings before settling", path.display(), files.len());
    println!("  parse                {:8.3} s", parsing.as_secs_f64());
    println!(
        "  parse and lower      {:8.3} s   {:.2} times parsing",
        lowered.as_secs_f64(),
        ratio(lowered, parsing)
    );
    println!(
        "  rules within a file  {:8.3} s   {:.2} times parsing",
        part.as_secs_f64(),
        ratio(part, parsing)
    );
    println!(
        "  with flows, in all   {:8.3} s   {:.2} times parsing, {:.2} times parsing and lowering",
        whole.as_secs_f64(),
        ratio(whole, parsing),
        ratio(whole, lowered)
    );
    let bodies = f64::from(u32::try_from(stats.bodies).unwrap_or(u32::MAX));
    println!("  lines per second     {:8.0}     on one thread", f64::from(lines) / whole.as_secs_f64());
    println!(
        "  per function         {:8.1} us  of {} functions and blocks",
        whole.as_secs_f64() * 1e6 / bodies,
        stats.bodies
    );
    println!("  unresolved calls     {:8.1} %", stats.share_unresolved() * 100.0);
    if let Some(peak) = peak() {
        let bytes = f64::from(u32::try_from(peak).unwrap_or(u32::MAX)) * 1024.0 / f64::from(lines);
        println!("  peak memory          {peak:>8} kB  {bytes:.0} bytes per line");
    }
}

fn best<T>(work: impl Fn() -> T) -> (T, Duration) {
    let timed = || {
        let begun = now();
        let result = work();
        (result, now().saturating_sub(begun))
    };
    let mut best = timed();
    for _ in 1..ROUNDS {
        let next = timed();
        best = if next.1 < best.1 { next } else { best };
    }
    best
}

/// The processor time of this thread so far, which other programs do not lengthen; the time of day where the system
/// does not tell.
fn now() -> Duration {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split_whitespace().next()?.parse().ok());
    nanos.map_or_else(|| BEGUN.get_or_init(Instant::now).elapsed(), Duration::from_nanos)
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

/// Lets the peak of memory begin anew, where the system can: each path has its own.
fn forget_peak() {
    let reset = std::fs::write("/proc/self/clear_refs", "5");
    drop(reset);
}

/// Peak resident memory of this process in kB, where the system tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
