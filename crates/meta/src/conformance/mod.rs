//! The suite that both drivers must pass: each case is written once, against [`world::World`], and runs on SQLite and
//! on PostgreSQL. Features of a single driver are tested next to that driver.

mod access_key;
mod account;
mod account_access;
mod away;
mod backlog;
mod beside;
mod blob;
mod cluster;
mod collection;
mod concern;
mod concurrency;
mod creation_template;
mod credential_report;
mod delete;
mod delivery;
mod durability;
mod ends;
mod entity;
mod event_connection;
mod event_rule;
mod group;
mod histories;
mod history;
mod iam_tag;
mod identities;
mod image;
mod image_pull;
mod image_scan;
mod inline_policy;
mod instance_profile;
mod last_writer;
mod lifecycle;
mod limits;
mod list;
mod login_profile;
mod lossy;
mod managed_policy;
mod member_account;
mod mfa_device;
mod migration;
mod object_move;
mod oidc_provider;
mod older;
mod organizational_unit;
mod outbox;
mod place;
mod placement;
mod plans;
mod principal;
mod protection;
mod public_registry;
mod pull_through_cache;
mod purge;
mod read_only;
mod reconciler;
mod referrers_queue;
mod replica;
mod replicated_settings;
mod replication;
mod replication_backfill;
mod repository;
mod repository_move;
mod repository_rename;
mod resolve;
mod resource_policy;
mod schedules;
mod schema;
mod secret;
mod session_context;
mod standby;
mod storage_class;
mod store_check;
mod store_move;
mod tag_history;
mod tagged;
mod upload;
mod work;
mod world;

/// Creates a test for each case on each driver.
macro_rules! suite {
    ($($module:ident: $($case:ident),* $(,)?;)*) => {
        mod sqlite {
            $(mod $module { $(
                #[test]
                fn $case() { crate::conformance::place::on_sqlite(crate::conformance::$module::$case); }
            )* })*
        }
        mod postgres {
            $(mod $module { $(
                #[test]
                fn $case() { crate::conformance::place::on_postgres(crate::conformance::$module::$case); }
            )* })*
        }
        mod lossy_postgres {
            $(mod $module { $(
                #[test]
                fn $case() { crate::conformance::place::on_lossy_postgres(crate::conformance::$module::$case); }
            )* })*
        }
    };
}

suite! {
    account: digits_are_unique, a_registry_is_made_once, a_setting_is_written_once,
        the_clock_of_the_database_is_read,
        a_setting_is_replaced_by_who_read_it, what_the_fullest_one_has_is_counted;
    account_access: an_alias_belongs_to_one_account, rules_for_passwords_are_replaced_whole;
    principal: names_ignore_case, every_change_bumps_the_version, a_user_made_again_inherits_nothing, access_keys,
        named_in_a_policy, many_are_found_in_few_statements;
    repository: names_are_unique_among_the_living, pages_go_by_bytes, deletion_is_refused_while_images_are_there,
        settings_are_kept, resource_tags;
    repository_move: everything_moves_with_the_repository, old_names_lead_to_the_other_account,
        a_refused_move_changes_nothing, a_layer_of_both_accounts_counts_in_each, no_table_and_no_column_is_forgotten;
    repository_rename: a_new_name_keeps_the_contents, a_rename_brings_only_what_was_decided_on,
        a_deleted_repository_has_no_redirects;
    blob: a_mount_needs_a_living_source, found_in_the_order_of_the_request, what_an_image_needs_stays,
        what_comes_after_its_image_stays_too, links_are_found, a_peer_mounts_only_what_it_sent;
    collection: a_layer_without_an_image_ends_after_its_grace, shared_layers_stay_until_their_last_image,
        a_layer_is_pushed_again_in_every_order, a_layer_is_found_by_a_head_in_every_order,
        a_mount_meets_the_end_of_its_source_in_every_order, of_an_index_and_the_deletion_of_its_child_one_wins,
        of_two_collectors_one_ends_each_row, a_link_that_is_being_created_keeps_its_object,
        links_that_end_at_once_are_counted_once, a_link_that_begins_as_another_ends_is_counted,
        a_deleted_repository_leaves_nothing, the_walk_finds_what_no_queue_has, a_digest_is_explained,
        bytes_of_uploads_are_counted_until_they_end, drifts_of_usage_are_corrected;
    upload: moves_by_compare_and_swap, a_newer_request_takes_the_turn, of_many_turns_the_last_one_counts, a_small_part_is_remembered, an_id_that_comes_again_is_another_upload, belongs_to_its_repository, a_second_copy_is_doomed, a_repeat_finds_its_own,
        cancelled_and_left_ones_are_doomed;
    image: what_it_names_must_be_there, what_stays_elsewhere_may_be_missing, a_tag_moves_with_its_counts, immutable_tags_stay, filters_turn_the_rule,
        the_same_push_again, ids_grow, a_storage_quota_refuses_new_images, too_many_tags, manifests_are_stored,
        exclusions_are_made_once_within_the_limit;
    image_pull: a_time_never_moves_back, of_any_repositories_in_one_operation,
        an_image_is_written_once_in_an_interval, of_excluded_principals;
    creation_template: one_for_each_prefix, a_change_needs_the_version_that_was_read,
        a_new_template_is_not_the_one_that_was_read,
        the_longest_prefix_that_applies_is_found, a_repository_is_created_with_its_policies;
    pull_through_cache: one_rule_for_each_prefix, an_update_changes_what_it_names, the_longest_prefix_decides,
        a_tag_is_known_until_its_repository_ends, an_image_whose_contents_come_later_is_accepted,
        an_import_counts_under_its_name_and_rule;
    image_scan: a_scan_is_recorded_once_in_a_time, a_configuration_is_replaced;
    tag_history: each_move_is_recorded_with_the_push, an_image_knows_when_it_lost_a_tag,
        old_moves_are_trimmed_in_slices;
    tagged: each_kind_in_pages, keys_and_values;
    delete: by_tag_and_by_digest, the_child_of_an_index_stays, a_tag_alone,
        referrers_go_after_their_subject;
    member_account: born_whole_or_not_at_all, tags_of_accounts, renamed_closed_and_gone, an_address_is_given_once;
    entity: a_name_is_one_of_its_kind_and_account, a_repeat_of_a_creation_finds_its_own, a_boundary_must_be_there,
        a_rename_keeps_the_id_and_frees_the_name, made_again_it_inherits_nothing, nothing_may_be_left_when_it_ends,
        pages_hold_everybody_once, a_role_keeps_what_is_not_changed;
    group: a_user_is_in_it_or_not, links_in_pages, policies_of_all_groups_decide;
    managed_policy: a_name_is_one_of_its_account, a_repeat_finds_its_own, versions, it_ends_when_nothing_uses_it,
        pages_hold_each_policy_once, who_uses_it;
    concern: inline_policies, attached_policies, a_managed_policy_concerns_whom_it_reaches, membership,
        what_a_principal_is, access_keys, a_member_who_joins_meanwhile, a_refusal_concerns_nobody;
    access_key: two_for_each, sealed_anew_in_slices, what_the_gate_sees, when_it_was_used, the_root_of_an_account,
        the_first_user_comes_whole_or_not_at_all, a_summary_counts_the_account_alone;
    iam_tag: keys_ignore_case, what_is_gone_has_none;
    credential_report: a_report_is_replaced_when_it_is_old, users_are_listed_with_their_credentials;
    login_profile: a_user_has_one_password, a_password_changes_from_what_was_read;
    mfa_device: a_device_belongs_to_one_user, a_code_is_used_once, attempts_are_counted, seeds_are_sealed_anew;
    instance_profile: made_once_and_again, it_holds_one_role, roles_that_race, pages_hold_each_profile_once;
    oidc_provider: made_once_and_again, what_is_not_named_stays, each_account_has_its_own, audiences,
        audiences_that_race;
    organizational_unit: names_are_unique_under_a_parent, accounts_move_between_them,
        one_that_contains_something_stays, a_move_meets_a_deletion, tags_of_units_and_the_root;
    resource_policy: of_a_repository, tags_of_a_repository_have_a_version, of_a_registry,
        a_closed_account_has_no_registry, changes_that_race_all_count;
    public_registry: an_account_has_one_beside_its_private_ones, an_alias_belongs_to_one_account,
        catalog_data_keeps_the_logo_and_ends_with_its_repository, tags_come_with_their_images_in_pages;
    backlog: what_waits_is_counted;
    event_rule: a_rule_is_replaced_whole_within_the_limit, rules_in_pages, a_rule_has_a_limited_number_of_targets,
        only_enabled_rules_get_events, what_waits_for_a_removed_target_is_forgotten;
    event_connection: a_name_is_given_once_within_the_limit, a_change_needs_what_was_read,
        what_was_made_again_is_not_what_was_read,
        a_destination_is_active_while_its_connection_exists, secrets_are_sealed_again;
    secret: a_name_is_given_once_within_the_limit, a_new_value_moves_the_current_one, a_deleted_secret_can_be_restored,
        tags_end_with_their_secret, values_are_sealed_again;
    session_context: forgotten_in_slices_when_over, they_end_with_their_principal;
    limits: too_many_registries, repositories_of_a_registry, of_an_account, of_a_principal, of_a_policy, of_tags, of_a_name, text_has_no_nul;
    ends: a_policy_that_is_attached_meanwhile, a_policy_whose_deletion_comes_first,
        a_user_who_gets_something_meanwhile, a_group_that_is_joined_meanwhile, what_is_tagged_meanwhile;
    migration: what_was_there_stays, what_was_there_can_do_what_is_new, a_step_is_made_whole_or_not_at_all,
        references_of_stored_manifests_are_written, uploads_of_roles_go_on, text_is_bytes;
    older: its_statements_are_accepted, what_it_writes_is_complete, it_may_start;
    schema: it_is_the_one_of_the_snapshot, it_does_not_depend_on_where_it_began;
    list: images_in_pages, ids_in_pages, images_by_name, tags_in_pages, referrers;
    resolve: everything_in_one_row, what_is_missing_is_none, one_round_trip, many_cost_as_few;
    plans: images_by_tag_status, referrers_by_artifact_type, referrers_of_one_image, images_and_repositories_by_name, lists_of_accounts,
        the_most_tags_of_an_image, credentials_of_users, images_of_backfills;
    placement: a_database_joins_one_directory_once,
        an_account_is_placed_once_and_before_its_registries, of_a_placement_and_a_registry_one_wins,
        the_gate_reads_the_caller_and_then_the_registry, no_request_sees_a_change_before_the_one_before, each_operation_runs_on_its_database, events_are_taken_once;
    purge: in_slices, the_living_are_spared;
    outbox: written_with_the_operation_and_once, a_delivered_event_goes_alone, old_events_are_trimmed_in_slices,
        an_event_too_large_undoes_the_operation;
    delivery: an_event_is_routed_once, a_target_gets_its_events_in_the_order_of_commits,
        what_comes_while_others_are_sent_is_not_ended, a_backlog_has_a_limit,
        a_failure_delays_the_target_alone, targets_take_turns, dead_letters_are_replayed, a_target_is_forgotten_in_slices;
    reconciler: one_node_runs_it_at_a_time, a_long_pass_renews_its_lease, of_many_nodes_one_claims_it,
        it_runs_when_it_is_due_or_asked_for,
        a_run_is_not_lost_when_its_node_dies,
        a_run_can_be_asked_for_before_the_first;
    last_writer: the_later_tag_wins_in_every_order, a_tag_is_as_old_as_at_its_source,
        without_the_setting_the_source_wins;
    replication: a_late_request_of_a_peer_changes_nothing, a_late_image_of_a_peer_creates_nothing,
        rules_that_changed_count_for_what_is_queued, effects_queue_an_item_for_each_destination, a_destination_that_is_named_again_is_new,
        a_copy_shares_the_bytes_and_ends_its_item, a_tag_follows_its_source_in_any_order,
        a_copy_is_not_replicated_on, a_deletion_spares_what_is_there_again,
        the_push_of_a_deleted_image_ends_no_deletion,
        a_failure_is_shown_once_and_tried_again, a_tag_that_moved_and_went_is_removed;
    replicated_settings: a_change_is_queued_if_it_is_asked_for, the_later_change_of_a_setting_counts,
        failed_settings_are_counted_and_end_with_their_destination;
    referrers_queue: a_push_queues_its_image_alone, slices_go_on_where_they_ended, one_slice_of_an_image_waits, a_push_after_the_lease_is_not_lost;
    replication_backfill: one_is_in_progress_to_a_region, images_are_read_in_slices,
        it_ends_with_its_images_or_too_many_failures, old_ones_are_removed_in_slices,
        other_repositories_are_passed_over_in_slices, what_has_ended_is_shown_in_its_order,
        what_a_peer_has_is_shown_as_replicated;
    histories: rows_agree_in_every_order_of_two;
    work: claims_are_leased_and_fenced, queued_after_its_end_it_has_other_claims, doomed_keys_rest_first, a_hold_keeps_doomed_bytes_until_it_ends;
    inline_policy: all_together_have_a_size, of_two_that_race_for_the_room_one_wins;
    lifecycle: a_change_has_a_version_and_is_evaluated, a_push_has_the_policy_evaluated_soon,
        images_come_newest_first_with_what_rules_need, what_changed_since_the_evaluation_stays,
        a_new_tag_of_the_same_name_defers_a_rule_about_it,
        extensions_need_the_setting_when_they_are_carried_out, what_an_earlier_claim_decided_is_refused,
        a_push_near_the_end_of_a_lease_is_evaluated, departures_defer_what_is_counted,
        indexes_and_subjects_go_first, a_preview_is_written_in_slices, a_new_preview_has_all_its_attempts;
    object_move: an_object_moves_with_its_last_active_image, of_two_moves_the_later_one_counts,
        a_beginning_that_runs_again_keeps_its_copy,
        a_restore_waits_for_its_layers, an_upload_brings_an_object_back, what_changes_meanwhile_stays_where_it_is;
    protection: a_protected_image_stays, a_protected_tag_stays_and_may_move, a_digest_in_use_stays_until_it_expires,
        an_index_of_a_protected_image_stays, a_repository_with_protected_images_stays,
        a_policy_leaves_what_is_protected, reports_have_a_limit_and_end, items_in_pages,
        of_a_report_and_a_deletion_one_is_first;
    storage_class: an_image_is_archived_and_restored, a_later_restore_ends_in_its_own_time,
        an_index_needs_children_that_are_active, layers_of_archived_images_are_archived,
        a_layer_comes_back_with_an_upload_or_a_push, an_index_is_restored_with_what_it_lists,
        a_large_index_is_restored_in_slices,
        archived_tags_are_not_listed, referrers_by_state;
    store_check: one_check_is_recorded_slice_by_slice;
    read_only: changes_are_refused_until_the_move_ends, no_write_is_in_progress_afterwards;
    store_move: all_rows_are_the_same_in_the_other_database, a_database_with_rows_is_refused,
        uploads_end_only_together_with_the_move;
    concurrency: of_two_pushes_to_an_immutable_tag_one_wins, of_two_completions_one_object_stays,
        of_two_completions_of_one_upload_one_wins, every_write_of_a_crowd_is_there, of_many_creations_one_wins,
        claims_are_disjoint, unlink_and_push_cannot_both_win, a_dropped_write_ends_all_the_same;
    durability: what_was_answered_outlives_a_restart, a_newer_schema_is_refused, a_refusal_leaves_nothing,
        a_panic_harms_only_its_operation;
}
