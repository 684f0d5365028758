//! What GitHub's documentation and the users of such tools demand, row by row, with the tests that hold it: answers to an
//! upload, events, rate limits, review comments, forks and untrusted text, workflow commands, and the demands on
//! suppressing, comparing and reporting. A row whose test is gone fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A topic, and its rows: what is demanded, and the tests of it.
type Topic = (&'static str, &'static [(&'static str, &'static [&'static str])]);

const TOPICS: &[Topic] = &[
    (
        "answers to an upload",
        &[
            ("body without extra keys", &["an_upload_says_what_github_wants_to_know_and_nothing_else"]),
            ("400", &["answer_400_is_our_fault"]),
            ("403 not enabled, archived", &["answer_403_not_enabled_is_the_repositorys_setting"]),
            ("403 not accessible", &["answer_403_read_only_token_names_the_permission"]),
            ("403, 429 of a rate limit", &["answer_403_or_429_rate_limit_is_waited_for"]),
            ("404, ref or commit not found", &["answer_404_or_not_found_is_explained_and_not_repeated"]),
            ("413", &["answer_413_drops_paths_and_then_the_least_severe_and_says_so"]),
            (
                "5xx, transport",
                &[
                    "answer_5xx_and_transport_are_repeated_after_looking",
                    "an_upload_whose_answer_was_lost_is_found_and_not_sent_again",
                ],
            ),
            (
                "polling",
                &[
                    "an_upload_is_polled_at_5_15_35_75_and_155_seconds",
                    "an_upload_that_stays_pending_is_no_failure",
                    "polling_goes_on_over_401_403_404_and_5xx",
                    "polling_ends_at_400_410_422_and_451",
                ],
            ),
            ("errors of processing", &["errors_of_processing_are_sorted_by_whose_fault_they_are"]),
            ("tool and category twice", &["the_same_tool_and_category_twice_is_refused"]),
        ],
    ),
    (
        "events",
        &[
            (
                "push, schedule, dispatch, tag",
                &["push_schedule_dispatch_and_tag_belong_to_github_ref_and_sha"],
            ),
            (
                "pull_request",
                &[
                    "a_pull_request_belongs_to_its_merge_ref",
                    "a_pull_request_whose_head_is_checked_out_belongs_to_its_head_ref",
                ],
            ),
            (
                "workflow_run",
                &[
                    "workflow_run_after_a_forks_pull_request_belongs_to_the_pull_request_with_its_head",
                    "workflow_run_after_a_push_belongs_to_its_branch",
                    "after_a_workflow_run_the_base_is_that_of_the_pull_request_with_its_head",
                ],
            ),
            ("merge_group", &["merge_group_and_refs_of_merge_queues_belong_nowhere"]),
            ("pull_request_target", &["pull_request_target_belongs_nowhere_whatever_is_checked_out"]),
        ],
    ),
    (
        "rate limits",
        &[
            ("serial, a second between writes", &["writes_are_a_second_apart"]),
            ("retry-after", &["after_retry_after_the_request_is_sent_again"]),
            ("reset", &["after_the_last_request_of_the_hour_the_reset_is_awaited"]),
            ("else a minute, growing", &["after_a_limit_that_tells_no_time_a_minute_passes_and_then_more"]),
            ("then give up", &["the_client_gives_up_after_five_tries"]),
            (
                "the total wait",
                &[
                    "a_reset_an_hour_away_is_not_awaited",
                    "all_waiting_stays_within_the_budget",
                    "upload_and_review_share_one_budget",
                ],
            ),
        ],
    ),
    (
        "hosts",
        &[
            ("GHES", &["ghes_is_reached_below_its_path"]),
            ("data residency", &["the_token_goes_to_https_hosts_alone"]),
            (
                "the token goes to no other host",
                &[
                    "redirects_are_followed_on_the_same_host_alone",
                    "the_token_goes_to_https_hosts_alone",
                    "a_host_that_is_not_https_gets_no_token",
                    "a_proxy_tunnels_and_does_not_get_the_token",
                ],
            ),
            ("private authorities", &["a_private_authority_is_trusted_by_its_file_alone"]),
        ],
    ),
    (
        "review comments",
        &[
            (
                "the request",
                &[
                    "one_post_holds_all_comments_on_the_head",
                    "start_line_stands_before_line_or_is_left_out",
                    "a_read_only_token_is_told_of",
                ],
            ),
            (
                "lines of one hunk of the diff",
                &[
                    "context_lines_count",
                    "a_range_in_two_hunks_goes_in_words",
                    "lines_the_pull_request_does_not_touch_get_no_comment",
                    "one_422_never_costs_the_others",
                ],
            ),
            ("no deleted line in between", &["a_deleted_line_in_between_goes_in_words"]),
            ("unchanged text", &["unchanged_text_is_no_suggestion"]),
            (
                "closed or moved pull requests",
                &["a_head_that_moved_on_gets_no_review", "the_pull_request_is_found_by_its_head"],
            ),
            ("two suggestions on one line", &["two_suggestions_for_one_line_are_whole_each"]),
            ("shrunk to what changes", &["an_edit_is_shrunk_to_the_lines_it_changes"]),
            (
                "whole lines in the fence",
                &["a_suggestion_replaces_the_whole_line_with_its_indentation", "an_empty_fence_deletes"],
            ),
            ("a fence longer than any inside", &["a_fence_is_longer_than_any_inside"]),
            ("distant imports in words", &["a_distant_import_goes_in_words"]),
            (
                "merge commit and head",
                &[
                    "lines_that_differ_between_merge_commit_and_head_get_no_comment",
                    "what_a_diff_shows_is_what_the_new_file_holds",
                ],
            ),
            (
                "lists of files",
                &["more_than_a_hundred_files_and_comments_are_read", "a_file_without_patch_is_counted"],
            ),
            ("length of bodies", &["no_text_makes_a_comment_too_long_or_ends_its_fence"]),
            ("thirty, worst first", &["at_most_thirty_worst_first_and_the_rest_in_the_body"]),
            (
                "markers",
                &[
                    "a_second_run_says_nothing_again",
                    "an_id_outlives_moves_and_tells_scans_apart",
                    "a_marker_counts_on_comments_by_our_own_login_alone",
                ],
            ),
            (
                "outdated comments",
                &["an_outdated_comment_without_reply_is_written_anew", "a_comment_with_a_reply_stays"],
            ),
            ("5xx after a post", &["a_post_answered_by_an_error_is_looked_for_before_it_is_repeated"]),
            ("no more than the fix", &["a_finding_without_edit_is_left_to_code_scanning"]),
        ],
    ),
    (
        "forks, privilege, untrusted text",
        &[
            ("a fork's token", &["a_fork_is_told_of_both_set_ups", "dependabot_is_told_of_both_set_ups"]),
            (
                "no rights left",
                &[
                    "a_review_that_may_not_be_written_is_a_notice",
                    "where_everything_is_forbidden_findings_decide",
                ],
            ),
            (
                "the second workflow",
                &[
                    "after_the_workflow_of_a_fork_the_event_says_what_is_reviewed_and_not_the_file",
                    "after_a_forks_run_the_pull_request_is_found_by_its_head",
                    "a_file_that_is_not_ours_is_refused_with_the_place",
                    "no_file_of_the_shape_brings_the_review_down",
                    "nothing_in_the_file_becomes_a_command_of_the_runner",
                ],
            ),
            (
                "nothing of it runs or leads out",
                &[
                    "a_hostile_configuration_gets_an_error_without_what_it_points_at",
                    "no_link_makes_a_file_of_the_runner_a_configuration_or_a_baseline",
                    "a_hostile_repository_forges_nothing_and_reads_nothing_outside",
                    "the_sarif_file_is_not_written_through_links",
                    "links_are_never_followed",
                    "no_list_leads_out_of_the_tree",
                ],
            ),
            (
                "a pull request that edits configuration, suppressions, ignore files",
                &[
                    "configuration_and_suppressions_of_a_pull_request_are_seen",
                    "packs_and_pages_come_from_the_base_too",
                    "mistakes_in_the_bases_configuration_are_told_by_path_and_commit",
                    "a_line_in_gitignore_hides_no_file_of_a_pull_request",
                ],
            ),
            (
                "Markdown",
                &[
                    "no_mark_of_markdown_stays",
                    "markdown_stays_text",
                    "everything_said_in_a_hostile_pull_request_is_text",
                    "pages_and_packs_of_a_hostile_project_are_text_too",
                    "texts_of_a_hostile_server_are_text",
                ],
            ),
        ],
    ),
    (
        "workflow commands",
        &[
            (
                "both syntaxes, both streams",
                &[
                    "no_text_becomes_a_command",
                    "what_the_process_prints_of_an_error_is_no_command",
                    "no_format_that_a_step_prints_holds_a_command",
                ],
            ),
            ("escapes", &["values_are_escaped_as_the_runner_unescapes_them", "annotations_are_escaped"]),
            ("lines of the log", &["log_lines_are_no_commands"]),
            (
                "ten of a type, 4,096 characters",
                &["annotations_are_the_worst_ten_of_each_type", "a_message_is_cut_to_what_github_keeps"],
            ),
            (
                "check runs",
                &[
                    "annotations_go_in_pages_of_fifty",
                    "a_patch_is_looked_for_before_it_is_repeated",
                    "a_check_run_is_looked_for_before_it_is_created_again",
                ],
            ),
            ("outputs", &["a_value_cannot_end_its_own_assignment"]),
            ("a summary below 1 MiB", &["a_long_summary_is_cut_from_the_mild_end_and_says_how_much"]),
        ],
    ),
    (
        "demands",
        &[
            (
                "8: a suppressed finding is no alert",
                &[
                    "a_suppressed_finding_becomes_no_alert",
                    "suppressed_passed_and_absent_results_become_no_alerts",
                    "suppressed_results_are_in_the_local_form_only",
                ],
            ),
            (
                "9: a baseline survives edits, counts matter",
                &[
                    "nothing_is_new_after_edits_around",
                    "a_twin_is_new",
                    "renamed_and_edited_files_are_followed",
                    "known_findings_are_written_compared_and_pruned",
                ],
            ),
            (
                "10: a pull request is judged on what it changes",
                &[
                    "a_pull_request_fails_for_what_is_new_and_reports_everything",
                    "a_push_fails_for_all_there_is",
                    "a_new_source_in_one_file_makes_an_old_sink_in_another_new",
                    "without_the_base_all_findings_count_and_the_remedy_is_told",
                    "a_clone_of_depth_1_is_compared_with_the_branchs_last_analysis",
                ],
            ),
            ("11: forks", &["where_everything_is_forbidden_findings_decide"]),
            (
                "12: no Code Security",
                &[
                    "code_security_off_or_a_private_repository_without_it_is_told_once",
                    "two_hundred_findings_are_annotated_by_ten_of_a_type_and_summed_up_whole",
                ],
            ),
            (
                "13: exit codes apart from reports",
                &[
                    "everything_is_reported_before_the_exit_code_is_decided",
                    "a_threshold_changes_the_code_and_nothing_else",
                    "the_exit_code_follows_the_threshold_and_reports_do_not",
                ],
            ),
            (
                "14: SARIF that GitHub takes",
                &[
                    "any_findings_on_any_paths_are_sarif_that_github_takes",
                    "one_odd_result_does_not_cost_the_others",
                    "limits_that_must_not_be_cut_are_told",
                    "of_over_5000_results_the_least_severe_go",
                ],
            ),
            ("15: severities", &["level_band_and_variant_follow_severity"]),
            (
                "16: the same alert tomorrow",
                &[
                    "equal_lines_are_counted_and_the_end_of_the_file_tells_them_apart",
                    "blanks_do_not_count",
                    "moving_and_indenting_keep_a_hash_and_an_edit_close_behind_changes_it",
                    "bytes_do_not_depend_on_threads_or_order",
                ],
            ),
            (
                "17: comments once, and gone when fixed",
                &[
                    "a_second_run_says_nothing_again",
                    "a_comment_goes_with_its_finding",
                    "a_comment_with_a_reply_stays",
                ],
            ),
            (
                "18: suggestions that can be committed",
                &[
                    "all_suggestions_of_the_example_project_can_be_committed",
                    "suggestions_fit_pull_requests_that_add_change_and_delete_lines",
                    "suggestions_for_real_packages_can_be_committed",
                ],
            ),
            (
                "19: merge queues",
                &[
                    "a_merge_queue_is_scanned_and_skipped_with_a_notice",
                    "a_merge_queue_is_compared_with_what_its_group_starts_from",
                    "a_merge_queue_is_nothing_to_do",
                ],
            ),
            (
                "20: rate limits turn no good scan red",
                &[
                    "a_rate_limit_that_does_not_end_in_time_is_told",
                    "a_post_is_never_repeated_blindly",
                    "three_hundred_sequences_of_faults_repeat_no_upload_blindly_and_end_in_time",
                    "three_hundred_sequences_of_faults_make_no_review_say_anything_twice",
                    "through_three_hundred_sequences_of_faults_the_action_ends_as_findings_decide",
                ],
            ),
        ],
    ),
];

/// The names of all tests below `folder`.
fn tests(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, names);
        } else if path.extension().is_some_and(|suffix| suffix == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                match line.strip_prefix("fn ") {
                    Some(rest) if is_test => {
                        names.insert(rest.split('(').next().unwrap().to_owned());
                    }
                    _ => {}
                }
                // Further attributes may stand between.
                is_test = line == "#[test]" || (is_test && line.starts_with("#["));
            }
        }
    }
}

#[test]
fn every_row_has_its_tests() {
    let mut names = BTreeSet::new();
    for folder in ["src", "tests"] {
        tests(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut names);
    }
    assert!(names.len() > 300, "the sources are read otherwise than they are written: {}", names.len());
    for (topic, rows) in TOPICS {
        for (row, tests) in *rows {
            assert!(!tests.is_empty(), "{topic}: {row}");
            for test in *tests {
                assert!(names.contains(*test), "{topic}: {row}: there is no test `{test}`");
            }
        }
    }
}
