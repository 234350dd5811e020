//! `wharf quotas`, and the rates of `wharf dev`.

use std::process::Command;

use serde_json::Value;

use crate::crash_collect::{binary, ready};
use crate::gc::on_server;
use crate::process::said;

#[test]
fn quotas_show_limits_rates_and_what_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let account = {
        let settings = [
            ("WHARF__RATES__ENABLED", "true"),
            ("WHARF__RATES__PUT_IMAGE", "7"),
            ("WHARF__QUOTAS__USERS_PER_ACCOUNT", "20"),
            ("WHARF__STORAGE_QUOTAS", "[{name = \"all\", bytes = 5000}]"),
        ];
        let server = ready(&data, &settings).unwrap();
        let listed = said(&mut on_server(&server, &data, &["account", "list", "--json"]));
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let account = listed[0]["Id"].as_str().unwrap().to_owned();
        let shown = said(&mut on_server(&server, &data, &["quotas", "--account", &account]));
        let row = |name: &str| -> Vec<&str> {
            let row = shown.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{shown}"));
            row.split_whitespace().collect()
        };
        assert_eq!(row("UsersPerAccount"), ["20", "1", "UsersPerAccount", "quotas.users_per_account"]);
        assert_eq!(row("Rate of PutImage")[..2], ["7/s", "-"]);
        assert_eq!(row("Storage quota 'all'")[..2], ["5000", "0"]);
        account
    };
    let shown = said(
        Command::new(binary()).args(["quotas", "--json", "--account", &account]).arg("--data-dir").arg(&data),
    );
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["RatesEnabled"], false);
    assert_eq!(shown["Quotas"][0]["Used"], 1);
}
