//! Check runs, filled page by page.

use serde_json::{Value, json};

use super::{Reply, Seen, State};

/// What the fake knows of check runs.
#[derive(Default)]
pub(crate) struct Checks {
    pub(crate) runs: Vec<Value>,
    /// Annotations of each run.
    pub(crate) annotations: Vec<Vec<Value>>,
}

impl State {
    pub(super) fn post_check_run(&mut self, seen: &Seen) -> Reply {
        let mut run = seen.json();
        let Some(annotations) = annotations(&run) else {
            return Reply::json(422, &json!({"message": "Invalid request"}));
        };
        run["id"] = json!(self.checks.runs.len() + 1);
        self.checks.annotations.push(annotations);
        self.checks.runs.push(run);
        self.check_run(self.checks.runs.len(), 201)
    }

    pub(super) fn patch_check_run(&mut self, seen: &Seen, number: &str) -> Reply {
        let Some(annotations) = annotations(&seen.json()) else {
            return Reply::json(422, &json!({"message": "Invalid request"}));
        };
        let number: usize = number.parse().unwrap();
        self.checks.annotations[number - 1].extend(annotations);
        self.check_run(number, 200)
    }

    pub(super) fn get_check_run(&mut self, number: &str) -> Reply {
        self.check_run(number.parse().unwrap(), 200)
    }

    pub(super) fn list_check_runs(&mut self) -> Reply {
        Reply::json(200, &json!({"total_count": self.checks.runs.len(), "check_runs": self.checks.runs}))
    }

    fn check_run(&self, number: usize, status: u16) -> Reply {
        let mut run = self.checks.runs[number - 1].clone();
        run["output"]["annotations_count"] = json!(self.checks.annotations[number - 1].len());
        Reply::json(status, &run)
    }
}

/// The annotations of a request, if there are not too many and each is as GitHub wants it.
fn annotations(body: &Value) -> Option<Vec<Value>> {
    let output = &body["output"];
    let all = output["annotations"].as_array()?;
    let length = |text: &Value| text.as_str().map(str::len);
    let is_fine = |it: &Value| {
        let is_one_line = it["start_line"] == it["end_line"];
        it["path"].is_string()
            && it["start_line"].as_u64() >= Some(1)
            && it["end_line"].as_u64() >= it["start_line"].as_u64()
            && (is_one_line || it.get("start_column").is_none())
            && ["notice", "warning", "failure"].contains(&it["annotation_level"].as_str().unwrap_or(""))
            && length(&it["message"]).is_some_and(|n| n <= 65_536)
            && it["title"].as_str().is_some_and(|title| title.chars().count() <= 255)
    };
    let is_whole =
        length(&output["title"]).is_some() && length(&output["summary"]).is_some_and(|n| n <= 65_535);
    (is_whole && all.len() <= 50 && all.iter().all(is_fine)).then(|| all.clone())
}
