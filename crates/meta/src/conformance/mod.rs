//! The suite that both drivers must pass: each case is written once, against [`world::World`], and runs on SQLite
//! and on PostgreSQL. What only one driver has is tested beside that driver.

mod account;
mod blob;
mod cluster;
mod concurrency;
mod delete;
mod durability;
mod image;
mod inline_policy;
mod list;
mod member_account;
mod principal;
mod purge;
mod repository;
mod resolve;
mod upload;
mod work;
mod world;

/// Makes a test for each case on each driver.
macro_rules! suite {
    ($($module:ident: $($case:ident),* $(,)?;)*) => {
        mod sqlite {
            $(mod $module { $(
                #[test]
                fn $case() { crate::conformance::world::on_sqlite(crate::conformance::$module::$case); }
            )* })*
        }
        mod postgres {
            $(mod $module { $(
                #[test]
                fn $case() { crate::conformance::world::on_postgres(crate::conformance::$module::$case); }
            )* })*
        }
    };
}

suite! {
    account: digits_are_unique, a_registry_is_made_once, a_setting_is_written_once;
    principal: names_ignore_case, every_change_bumps_the_version, a_user_made_again_inherits_nothing, access_keys;
    repository: names_are_unique_among_the_living, pages_go_by_bytes, deletion_is_refused_while_images_are_there,
        settings_are_kept, resource_tags;
    blob: a_mount_needs_a_living_source, found_in_the_order_of_the_request, what_an_image_needs_stays, links_are_found;
    upload: moves_by_compare_and_swap, belongs_to_its_repository, a_second_copy_is_doomed, a_repeat_finds_its_own,
        cancelled_and_left_ones_are_doomed;
    image: what_it_names_must_be_there, a_tag_moves_with_its_counts, immutable_tags_stay, filters_turn_the_rule,
        the_same_push_again, ids_grow, too_many_tags, manifests_and_pulls;
    delete: by_tag_and_by_digest, the_child_of_an_index_stays, a_tag_alone;
    member_account: born_whole_or_not_at_all, tags_of_accounts, renamed_closed_and_gone;
    list: images_in_pages, ids_in_pages, images_by_name, tags_in_pages, referrers;
    resolve: everything_in_one_row, what_is_missing_is_none, one_round_trip;
    purge: in_slices, the_living_are_spared;
    work: claims_are_leased_and_fenced, doomed_keys_rest_first;
    inline_policy: all_together_have_a_size, of_two_that_race_for_the_room_one_wins;
    concurrency: of_two_pushes_to_an_immutable_tag_one_wins, of_two_completions_one_object_stays,
        of_two_completions_of_one_upload_one_wins, every_write_of_a_crowd_is_there, of_many_creations_one_wins,
        claims_are_disjoint, unlink_and_push_cannot_both_win, a_dropped_write_ends_all_the_same;
    durability: what_was_answered_outlives_a_restart, a_newer_schema_is_refused, a_refusal_leaves_nothing,
        a_panic_harms_only_its_operation;
}
