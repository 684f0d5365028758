//! Writes reports where they are asked to go.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;

use crate::cli::args::{ColorArg, Format, Output};
use crate::report::sarif::{self, Form};
use crate::report::{Fingerprints, Report, annotations, jsonl, markdown, terminal};
use crate::text::SourceFile;

/// What reports need besides the report.
pub(super) struct Outputs<'a> {
    /// Root of the scan, to read the bytes that fingerprints are made of.
    pub(super) root: &'a Path,
    /// SARIF category.
    pub(super) category: &'a str,
    /// Whether every file was analyzed.
    pub(super) is_successful: bool,
    /// When to color.
    pub(super) color: ColorArg,
}

impl Outputs<'_> {
    /// Writes `report` to every output. All are tried; the first failure is returned.
    pub(super) fn write(&self, report: &Report, outputs: &[Output]) -> anyhow::Result<()> {
        let hashes = Fingerprints::of(report, |file| self.bytes(file));
        let mut result = Ok(());
        for output in outputs {
            let written = match &output.file {
                None => self.to_stdout(report, &hashes, output.format),
                Some(path) => self
                    .to_file(report, &hashes, output.format, path)
                    .with_context(|| format!("cannot write `{}`", path.display())),
            };
            result = result.and(written);
        }
        result
    }

    /// `report` in one format, in memory.
    pub(super) fn render(&self, report: &Report, format: Format) -> anyhow::Result<Vec<u8>> {
        let hashes = Fingerprints::of(report, |file| self.bytes(file));
        let mut bytes = Vec::new();
        self.plain(report, &hashes, format, &mut bytes)?;
        Ok(bytes)
    }

    fn bytes(&self, file: &SourceFile) -> Option<Vec<u8>> {
        fs::read(self.root.join(&file.path)).ok()
    }

    /// What a step prints is searched for commands by the runner, so that nothing of the scanned code may pass for one.
    fn to_stdout(&self, report: &Report, hashes: &Fingerprints, format: Format) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        if format == Format::Terminal {
            self.terminal(report, &mut bytes)?;
            super::print_in(self.color, &String::from_utf8_lossy(&bytes));
            return Ok(());
        }
        self.plain(report, hashes, format, &mut bytes)?;
        if matches!(format, Format::Sarif | Format::SarifFull | Format::Jsonl) {
            // In JSON both are the same.
            bytes = String::from_utf8_lossy(&bytes).replace("##[", "#\\u0023[").into_bytes();
        }
        let mut out = io::stdout().lock();
        ignore_closed(out.write_all(&bytes).and_then(|()| out.flush()))
    }

    fn to_file(
        &self,
        report: &Report,
        hashes: &Fingerprints,
        format: Format,
        path: &Path,
    ) -> anyhow::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = BufWriter::new(File::create(path)?);
        if format == Format::Terminal {
            let mut plain = anstream::StripStream::new(Vec::new());
            self.terminal(report, &mut plain)?;
            file.write_all(&plain.into_inner())?;
        } else {
            self.plain(report, hashes, format, &mut file)?;
        }
        Ok(file.flush()?)
    }

    fn terminal(&self, report: &Report, out: &mut dyn Write) -> anyhow::Result<()> {
        let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(120);
        let options = terminal::Options { width, shows_time: true };
        ignore_closed(terminal::write(report, &options, out).and_then(|()| out.flush()))
    }

    fn plain(
        &self,
        report: &Report,
        hashes: &Fingerprints,
        format: Format,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        let sarif = |form, out: &mut dyn Write| -> io::Result<()> {
            let options = sarif::Options { form, category: self.category, is_successful: self.is_successful };
            let dropped = sarif::write(report, hashes, &options, out)?;
            if dropped > 0 {
                writeln!(
                    io::stderr(),
                    "note: {dropped} of the mildest results were left out of the SARIF file, which holds at most {}",
                    form.max_results()
                )?;
            }
            Ok(())
        };
        let written = match format {
            Format::Terminal => return self.terminal(report, out),
            Format::Sarif => sarif(Form::Upload, out),
            Format::SarifFull => sarif(Form::Local, out),
            Format::Jsonl => jsonl::write(report, hashes, out),
            Format::Markdown => out.write_all(markdown::render(report, markdown::MAX_BYTES).as_bytes()),
            Format::Github => out.write_all(annotations::render(report).as_bytes()),
        };
        ignore_closed(written.and_then(|()| out.flush()))
    }
}

/// A reader that went away (`| head`) is no failure.
fn ignore_closed(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
