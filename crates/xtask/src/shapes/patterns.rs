//! The function of `aws::shape::pattern` for each regular expression of the models.

const FUNCTIONS: &[(&str, &str)] = &[
    // ECR.
    (
        r"^arn:aws(-\w+)*:secretsmanager:[a-zA-Z0-9-:]+:secret:ecr\-pullthroughcache\/[a-zA-Z0-9\/_+=.@-]+$",
        "is_credential_arn",
    ),
    (r"^[0-9a-zA-Z._*-]{1,128}$", "is_exclusion_filter"),
    (r"^$|arn:aws[a-z0-9-]*:kms:[a-z0-9-]+:[0-9]{12}:key\/[a-z0-9-]+", "is_no_key_or_key_arn"),
    (r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+", "is_layer_digest"),
    (r"^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$", "is_prefix"),
    (r"^arn:aws(-[a-z]+)*:iam::[0-9]{12}:(role|user)/[\w+=,.@-]+(/[\w+=,.@-]+)*$", "is_principal_arn"),
    (r"[0-9a-z-]{2,25}", "is_region"),
    (r"[0-9]{12}", "is_account_id"),
    (r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", "is_uuid"),
    (r"^(?:[a-z0-9]+(?:[._-][a-z0-9]*)*/)*[a-z0-9]*(?:[._-][a-z0-9]*)*$", "is_repository_filter"),
    (r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*", "is_repository_name"),
    (r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$", "is_scanning_filter"),
    (
        r"^arn:aws(-[a-z]+)*:signer:[a-z0-9-]+:[0-9]{12}:\/signing-profiles\/[a-zA-Z0-9_]{2,}$",
        "is_signing_profile_arn",
    ),
    (r"^(?:[a-z0-9*]+(?:[._-][a-z0-9*]+)*/)*[a-z0-9*]+(?:[._-][a-z0-9*]+)*$", "is_signing_filter"),
    (r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*", "is_public_repository_name"),
    // EventBridge.
    (
        r"^arn:aws([a-z]|\-)*:events:([a-z]|\d|\-)*:([0-9]{12})?:connection\/[\.\-_A-Za-z0-9]+\/[\-A-Za-z0-9]+$",
        "is_connection_arn",
    ),
    (r".*", "is_line"),
    (r"[\.\-_A-Za-z0-9]+", "is_event_name"),
    (r"^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$", "is_header_text"),
    (r"[/\.\-_A-Za-z0-9]+", "is_bus_name"),
    (
        r"(arn:aws[\w-]*:events:[a-z]+-[a-z]+-[\w-]+:[0-9]{12}:event-bus\/)?[/\.\-_A-Za-z0-9]+",
        "is_bus_name_or_arn",
    ),
    (r"^[!#$%&'*+-.^_`|~0-9a-zA-Z]+$", "is_header_name"),
    (r"^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$", "is_header_value"),
    (r"^((%[0-9A-Fa-f]{2}|[-()_.!~*';/?:@\x26=+$,A-Za-z0-9])+)([).!';/?:,])?$", "is_endpoint"),
    (r"[A-Za-z0-9\_\-]+", "is_path_key"),
    (r"^(?!\s*$).+", "is_path_parameter"),
    (r"[^\x00-\x1F\x7F]+", "is_query_key"),
    (r"[^\x00-\x09\x0B\x0C\x0E-\x1F\x7F]+", "is_query_value"),
    (r"^[a-zA-Z0-9_\-/:]*$", "is_key_identifier"),
    // Secrets Manager.
    (r"[0-9A-Za-z\-\_]+", "is_path_key"),
    (r"^([a-z]+-)+\d+$", "is_replica_region"),
    (r"^\!?[a-zA-Z0-9 :_@\/\+\=\.\-\!]*$", "is_filter_value"),
    // STS and IAM.
    (r"[\w]*", "is_word"),
    (r"[\w]+", "is_word"),
    (r"[\d]+", "is_number"),
    (r"[\d]*", "is_number"),
    (r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+", "is_xml_text"),
    (r"[\w+=,.@:\/-]*", "is_external_id"),
    (r"[\w+=/:,.@-]*", "is_external_id"),
    (r"[\w+=/:,.@-]+", "is_external_id"),
    (r"[\w+=,.@-]*", "is_name"),
    (r"[\w+=,.@-]+", "is_name"),
    (r"[\u0009\u000A\u000D\u0020-\u00FF]+", "is_latin"),
    (r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*", "is_printable_latin"),
    (r"[\u0020-\u00FF]+", "is_marker"),
    (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+", "is_tag_text"),
    (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "is_tag_text"),
    (r"\u002F[\u0021-\u007F]*", "is_path_prefix"),
    (r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", "is_path"),
    (r"((/[A-Za-z0-9\.,\+@=_-]+)*)/", "is_policy_path"),
    (r"v[1-9][0-9]*(\.[A-Za-z0-9-]*)?", "is_version_id"),
    (r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", "is_account_alias"),
    // Organizations.
    (r"^\d{12}$", "is_account_id"),
    (r"^(\d{12})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$", "is_child_id"),
    (r"^ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}$", "is_unit_id"),
    (r"[\u0020-\u007E]+", "is_printable"),
    (r"^car-[a-z0-9]{8,32}$", "is_request_id"),
    (r"[^\s@]+@[^\s@]+\.[^\s@]+", "is_email"),
    (r"[\s\S]*", "is_anything"),
    // Service Quotas.
    (r"[a-zA-Z][a-zA-Z0-9-]{1,63}", "is_service_code"),
    (r"[a-zA-Z][a-zA-Z0-9-]{1,128}", "is_quota_code"),
    (r"^[a-zA-Z0-9/+]*={0,2}$", "is_base64"),
    (r"^(r-[0-9a-z]{4,32})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$", "is_parent_id"),
    (r"[\w+=,.@-]{1,64}", "is_name"),
    (r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", "is_tag_text"),
    (
        r"^(r-[0-9a-z]{4,32})|(\d{12})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})|(^p-[0-9a-zA-Z_]{8,128})|(^rp-[0-9a-zA-Z_]{4,128})|(^rt-[0-9a-zA-Z_]{8,32})$",
        "is_taggable_id",
    ),
];

/// The function that decides whether a string matches an expression.
pub(super) fn function(pattern: &str) -> Option<&'static str> {
    FUNCTIONS.iter().find(|(known, _)| *known == pattern).map(|(_, function)| *function)
}
