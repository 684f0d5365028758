//! SARIF as code scanning takes it: checked before it is sent, since one odd result makes GitHub refuse a whole file.
//!
//! A log of any tool comes in. What would become a false alert (suppressed, passed or absent results) is left out,
//! what has no place is left out, what is over a limit is cut, the least severe results last; everything is counted
//! and said. What cannot be repaired is refused. Nothing is sent here.
//! Source: GitHub's documentation of SARIF support and of results over limits.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// Most runs of a file.
const MAX_RUNS: usize = 20;
/// Most rules of a run.
const MAX_RULES: usize = 25_000;
/// Most extensions of a run.
const MAX_EXTENSIONS: usize = 100;
/// Results of a run that are kept; a file with over 25,000 is refused.
const MAX_RESULTS: usize = 5_000;
/// Locations of a result that are kept; over 1,000 are refused.
const MAX_LOCATIONS: usize = 100;
/// Steps of a result's code flows that are kept; over 10,000 are refused.
const MAX_STEPS: usize = 1_000;
/// Threads of a code flow that are kept, which bounds the steps where each has one.
const MAX_THREADS: usize = 10;
/// Tags of a rule that are kept; over 20 are refused.
const MAX_TAGS: usize = 10;
/// Largest file, packed, in bytes.
pub const MAX_PACKED: usize = 10_000_000;

/// Why a log cannot be uploaded.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unfit {
    /// It is no SARIF, or lacks what GitHub requires.
    #[error("{what} at `{at}`")]
    Lacks {
        /// A path into the log.
        at: String,
        /// What is wrong there.
        what: &'static str,
    },
    /// Over a limit by something that must not be cut.
    #[error("the file has {n} {what}; GitHub takes {max}")]
    TooMany {
        /// How many.
        n: usize,
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// Two runs would be one analysis.
    #[error(
        "two runs are of the tool `{tool}` and the category `{category}`; give them different categories"
    )]
    Twice {
        /// The tool's name.
        tool: String,
        /// The category.
        category: String,
    },
    /// Even without results it is too large.
    #[error("the file is too large for GitHub even without results")]
    TooLarge,
}

/// A log that can be uploaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fit {
    /// The log, with gzip.
    pub packed: Vec<u8>,
    /// Name of the tool.
    pub tool: String,
    /// Category of the first run, without its slash.
    pub category: String,
    /// Results left.
    pub n_results: usize,
    /// Whether the tool says that it came to its end.
    pub is_successful: bool,
    /// What was left out, as sentences without a full stop.
    pub said: Vec<String>,
}

/// Makes `log` fit into `max_packed` bytes and GitHub's other limits; `category` replaces that of the runs.
///
/// # Errors
/// Where that cannot be done without changing what the log says.
pub fn fit(mut log: Value, category: Option<&str>, max_packed: usize) -> Result<Fit, Unfit> {
    let mut said = Vec::new();
    let is_sarif = log.get("version").and_then(Value::as_str) == Some("2.1.0");
    let lacks = |at: &str, what| Unfit::Lacks { at: at.to_owned(), what };
    let runs = log.get_mut("runs").and_then(Value::as_array_mut).filter(|_| is_sarif);
    let runs = runs.ok_or_else(|| lacks("/version", "no SARIF 2.1.0"))?;
    limit(runs.len(), "runs", MAX_RUNS)?;
    let mut known = BTreeSet::new();
    for (i, run) in runs.iter_mut().enumerate() {
        let identity = check_run(run, &format!("/runs/{i}"), category)?;
        if let Some((tool, category)) = known.replace(identity) {
            return Err(Unfit::Twice { tool, category });
        }
        select(run, &mut said);
        let results = run["results"].as_array().map_or(0, Vec::len);
        if results > MAX_RESULTS {
            keep_worst(run, MAX_RESULTS);
            said.push(format!(
                "the {} least severe of {results} results are left out, since GitHub keeps {MAX_RESULTS}",
                results - MAX_RESULTS
            ));
        }
    }
    let first = runs.first().ok_or_else(|| lacks("/runs", "no run"))?;
    let (tool, category) = identity(first);
    let successes = first.pointer("/invocations/0/executionSuccessful");
    let is_successful = successes != Some(&Value::Bool(false));
    let packed = pack(&mut log, max_packed, &mut said)?;
    let n_results = counts(&log).iter().sum();
    Ok(Fit { packed, tool, category, n_results, is_successful, said })
}

fn limit(n: usize, what: &'static str, max: usize) -> Result<(), Unfit> {
    if n > max { Err(Unfit::TooMany { n, what, max }) } else { Ok(()) }
}

/// Tool and category of a run, the latter without its run's id.
fn identity(run: &Value) -> (String, String) {
    let text = |pointer: &str| run.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    let category = text("/automationDetails/id").rsplit_once('/').map_or("", |(category, _)| category);
    (text("/tool/driver/name").to_owned(), category.to_owned())
}

/// Checks what a run needs, and returns its tool and category.
fn check_run(run: &mut Value, at: &str, category: Option<&str>) -> Result<(String, String), Unfit> {
    let is_text = |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let lacks = |rest: String, what| Unfit::Lacks { at: format!("{at}{rest}"), what };
    if !is_text(run.pointer("/tool/driver/name")) {
        return Err(lacks("/tool/driver/name".to_owned(), "no name"));
    }
    if run.get("results").and_then(Value::as_array).is_none() {
        return Err(lacks("/results".to_owned(), "no list, which a run without results has too"));
    }
    let count = |pointer: &str| run.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len);
    limit(count("/tool/extensions"), "extensions", MAX_EXTENSIONS)?;
    limit(count("/tool/driver/rules"), "rules", MAX_RULES)?;
    if let Some(rules) = run.pointer_mut("/tool/driver/rules").and_then(Value::as_array_mut) {
        for (i, rule) in rules.iter_mut().enumerate() {
            if !is_text(rule.get("id")) {
                return Err(lacks(format!("/tool/driver/rules/{i}/id"), "no id"));
            }
            let severity = rule.pointer("/properties/security-severity");
            let number = |value: &Value| value.as_str()?.trim().parse::<f64>().ok();
            if severity.is_some_and(|severity| !number(severity).is_some_and(f64::is_finite)) {
                let place = format!("/tool/driver/rules/{i}/properties/security-severity");
                return Err(lacks(place, "no number in a string"));
            }
            if let Some(tags) = rule.pointer_mut("/properties/tags").and_then(Value::as_array_mut) {
                tags.truncate(MAX_TAGS);
            }
        }
    }
    if let Some(category) = category {
        run["automationDetails"] = json!({"id": format!("{}/", category.trim_end_matches('/'))});
    } else if let Some(Value::String(id)) = run.pointer_mut("/automationDetails/id")
        && !id.contains('/')
    {
        id.push('/'); // without it GitHub takes the whole as a run's id, and the category as empty
    }
    Ok(identity(run))
}

/// Leaves out results that GitHub would show wrongly or refuse, and cuts those that are too long.
fn select(run: &mut Value, said: &mut Vec<String>) {
    let Some(results) = run.get_mut("results").and_then(Value::as_array_mut) else { return };
    let (mut n_suppressed, mut n_other, mut n_odd) = (0, 0, 0);
    results.retain_mut(|result| {
        if is_suppressed(result) {
            n_suppressed += 1;
        } else if !is_open(result) {
            n_other += 1;
        } else if !is_whole(result) {
            n_odd += 1;
        } else {
            shorten(result);
            return true;
        }
        false
    });
    let mut say = |n: usize, why: &str| {
        if n > 0 {
            said.push(format!("{n} result{} left out: {why}", if n == 1 { " is" } else { "s are" }));
        }
    };
    say(n_suppressed, "suppressed, of which GitHub would make alerts");
    say(n_other, "passed, absent or not applicable, of which GitHub would make alerts");
    say(
        n_odd,
        "without a rule, a message or a place in the repository, for which GitHub would refuse the file",
    );
}

fn is_suppressed(result: &Value) -> bool {
    let suppressions = result.get("suppressions").and_then(Value::as_array);
    suppressions.into_iter().flatten().any(|it| {
        let status = it.get("status").and_then(Value::as_str);
        !matches!(status, Some("rejected" | "underReview"))
    })
}

/// Whether it is a present failure.
fn is_open(result: &Value) -> bool {
    let text = |key: &str| result.get(key).and_then(Value::as_str);
    matches!(text("kind"), None | Some("fail")) && text("baselineState") != Some("absent")
}

fn is_whole(result: &Value) -> bool {
    let text = |pointer: &str| result.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    let has_rule = !text("/ruleId").is_empty()
        || result.get("ruleIndex").is_some_and(Value::is_u64)
        || result.get("rule").is_some_and(Value::is_object);
    let uri = text("/locations/0/physicalLocation/artifactLocation/uri");
    let line = result.pointer("/locations/0/physicalLocation/region/startLine").and_then(Value::as_u64);
    has_rule && !text("/message/text").is_empty() && is_inside(uri) && line.is_some_and(|line| line > 0)
}

/// Whether a URI can lie in the repository: relative without going up, or a file's.
fn is_inside(uri: &str) -> bool {
    if uri.starts_with("file:///") {
        return true;
    }
    let has_scheme = uri.split_once(':').is_some_and(|(scheme, _)| !scheme.contains('/'));
    !uri.is_empty() && !uri.starts_with('/') && !has_scheme && uri.split('/').all(|part| part != "..")
}

fn shorten(result: &mut Value) {
    let mut cut = |key: &str, max| {
        if let Some(list) = result.get_mut(key).and_then(Value::as_array_mut) {
            list.truncate(max);
        }
    };
    cut("locations", MAX_LOCATIONS);
    cut("relatedLocations", MAX_LOCATIONS);
    cut("codeFlows", MAX_LOCATIONS);
    let flows = result.get_mut("codeFlows").and_then(Value::as_array_mut);
    let mut left = MAX_STEPS;
    for flow in flows.into_iter().flatten() {
        let threads = flow.get_mut("threadFlows").and_then(Value::as_array_mut);
        for thread in threads.into_iter().flat_map(|threads| {
            threads.truncate(MAX_THREADS);
            threads
        }) {
            if let Some(steps) = thread.get_mut("locations").and_then(Value::as_array_mut) {
                // The schema wants at least one step; GitHub takes ten times as many as are kept.
                steps.truncate(left.max(1));
                left = left.saturating_sub(steps.len());
            }
        }
    }
}

/// How bad each result is: the severity of its rule, then its level.
fn weights(run: &Value) -> Vec<(i64, u8)> {
    let empty = Vec::new();
    let list = |pointer: &str| run.pointer(pointer).and_then(Value::as_array).unwrap_or(&empty);
    let rules = list("/tool/driver/rules");
    let weight = |result: &Value| {
        let by_index = || {
            let index = result.get("ruleIndex").and_then(Value::as_u64)?;
            rules.get(usize::try_from(index).ok()?)
        };
        let rule = by_index().or_else(|| rules.iter().find(|rule| rule.get("id") == result.get("ruleId")));
        let severity = rule.and_then(|rule| rule.pointer("/properties/security-severity")?.as_str());
        let severity = severity.and_then(|text| text.trim().parse::<f64>().ok()).unwrap_or(0.0);
        let level = result.get("level").or_else(|| rule?.pointer("/defaultConfiguration/level"));
        let level = match level.and_then(Value::as_str) {
            Some("error") => 3,
            Some("note") => 1,
            Some("none") => 0,
            _ => 2,
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float as integer saturates, which orders as well"
        )]
        let severity = (severity * 100.0) as i64;
        (severity, level)
    };
    list("/results").iter().map(weight).collect()
}

/// Keeps the `max` worst results, in their order.
fn keep_worst(run: &mut Value, max: usize) {
    let weights = weights(run);
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&i| (Reverse(weights[i]), i));
    let kept: BTreeSet<usize> = order.into_iter().take(max).collect();
    let mut at = 0..;
    if let Some(results) = run.get_mut("results").and_then(Value::as_array_mut) {
        results.retain(|_| at.next().is_some_and(|i| kept.contains(&i)));
    }
}

fn counts(log: &Value) -> Vec<usize> {
    let runs = log["runs"].as_array().into_iter().flatten();
    runs.map(|run| run["results"].as_array().map_or(0, Vec::len)).collect()
}

/// Packs the log; where it is too large without its code flows, and then without its least severe results.
fn pack(log: &mut Value, max: usize, said: &mut Vec<String>) -> Result<Vec<u8>, Unfit> {
    let mut packed = gzip(log);
    if packed.len() <= max {
        return Ok(packed);
    }
    let mut had_flows = false;
    for result in results(log) {
        had_flows |= result.as_object_mut().is_some_and(|result| result.remove("codeFlows").is_some());
    }
    if had_flows {
        said.push(format!("the paths of the findings are left out, since GitHub takes {max} bytes"));
        packed = gzip(log);
    }
    let n_before: usize = counts(log).iter().sum();
    while packed.len() > max {
        let most = counts(log).into_iter().max().unwrap_or(0);
        if most == 0 {
            return Err(Unfit::TooLarge);
        }
        // A tenth below what the share of the size tells, so that few rounds do.
        let keep = (most as u128 * max as u128 * 9 / (packed.len() as u128 * 10)) as usize;
        if let Some(runs) = log.get_mut("runs").and_then(Value::as_array_mut) {
            runs.iter_mut().for_each(|run| keep_worst(run, keep));
        }
        packed = gzip(log);
    }
    let n_left: usize = counts(log).iter().sum();
    if n_left < n_before {
        said.push(format!(
            "the {} least severe of {n_before} results are left out, since GitHub takes {max} bytes",
            n_before - n_left
        ));
    }
    Ok(packed)
}

fn results(log: &mut Value) -> impl Iterator<Item = &mut Value> {
    let runs = log.get_mut("runs").and_then(Value::as_array_mut).into_iter().flatten();
    runs.filter_map(|run| run.get_mut("results")?.as_array_mut()).flatten()
}

fn gzip(log: &Value) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(log.to_string().as_bytes()).expect("writing to memory does not fail");
    encoder.finish().expect("writing to memory does not fail")
}
