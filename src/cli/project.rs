//! What the configuration of a project brings along: settings, rules and packs of its own.

use std::path::Path;

use crate::config::{self, ConfigError, ConfigFile, NamedFile, Overrides, Settings, ThreatModel};
use crate::models::{Draft, Kinds, Models, Pack, Threat, Vocabulary};
use crate::rules::{self, Catalog, Judge, Page};

/// A configuration with all that it names, read.
pub(super) struct Project {
    pub(super) file: Option<ConfigFile>,
    /// The rules that there are.
    pub(super) catalog: Catalog,
    packs: Vec<Pack>,
}

impl Project {
    /// Reads `config`, or the configuration nearest to `root`, and the files that it names.
    pub(super) fn read(root: &Path, config: Option<&Path>) -> anyhow::Result<Self> {
        Self::of(config::load(root, config)?)
    }

    /// Reads the files that a configuration names.
    pub(super) fn of(file: Option<ConfigFile>) -> anyhow::Result<Self> {
        let (mut packs, mut own) = (Vec::new(), Vec::new());
        if let Some(file) = &file {
            // A pack may use a kind that another one declares.
            let mut vocabulary = Vocabulary::default();
            let mut drafts = Vec::new();
            for named in file.models()? {
                let draft = Draft::read(&named.path.display().to_string(), &named.text)?;
                draft.declare(&mut vocabulary)?;
                drafts.push(draft);
            }
            for draft in drafts {
                packs.push(Pack::new(draft, &vocabulary)?);
            }
            for named in file.rules()? {
                let page = page(&named, &vocabulary, &own)?;
                own.push(page);
            }
        }
        Ok(Self { file, catalog: Catalog::new(own), packs })
    }

    /// The settings, with `overrides` over what the configuration says.
    pub(super) fn settings(&self, overrides: &Overrides) -> Result<Settings, ConfigError> {
        config::resolve(self.file.as_ref(), overrides, &self.catalog.ids())
    }

    /// A judge for the rules that `wanted` admits by id.
    pub(super) fn judge(&self, settings: &Settings, wanted: impl Fn(&str) -> bool) -> anyhow::Result<Judge> {
        let judge = self.catalog.judge(&wanted);
        let [local, library] =
            [ThreatModel::Local, ThreatModel::Library].map(|model| settings.threat_models.contains(&model));
        let specs =
            self.catalog.pages().iter().filter(|page| wanted(page.id)).filter_map(|page| page.flow.as_ref());
        let asked = |threat| {
            let specs = specs.clone().filter(|spec| spec.threats.contains(&threat));
            specs.fold(Kinds::NONE, |sum, spec| sum.with(spec.kinds))
        };
        let [local_for, library_for] = [Threat::Local, Threat::Library].map(asked);
        let is_asked = !local_for.is_empty() || !library_for.is_empty();
        if self.packs.is_empty() && !local && !library && !is_asked {
            return Ok(judge);
        }
        let built_in = Models::built_in().map_err(|error| anyhow::anyhow!("{error}"))?;
        let mut models = built_in.clone();
        (models.local, models.local_for) = (local, local_for);
        (models.library, models.library_for) = (library, library_for);
        for pack in &self.packs {
            models.add(pack.clone());
        }
        Ok(judge.with_models(models))
    }
}

/// The rule of a page that the configuration names, beside those of `own`.
fn page(named: &NamedFile, vocabulary: &Vocabulary, own: &[Page]) -> Result<Page, ConfigError> {
    let refuse = |line, message| ConfigError::Page { path: named.path.clone(), line, message };
    let page =
        Page::own(&named.name, &named.text, vocabulary).map_err(|error| refuse(error.line, error.what))?;
    let line = (1..).zip(named.text.lines()).find(|(_, line)| line.starts_with("id:")).map_or(1, |(n, _)| n);
    let choose = "choose another `id`";
    if rules::pages().iter().any(|known| known.id == page.id) {
        return Err(refuse(line, format!("`{}` is the id of a rule that is built in; {choose}", page.id)));
    }
    if let Some(known) = own.iter().find(|known| known.id == page.id) {
        let file = known.file.as_deref().unwrap_or_default();
        return Err(refuse(line, format!("`{}` is the id of `{file}` already; {choose}", page.id)));
    }
    Ok(page)
}
