//! How people sign in to an account: aliases and rules for passwords.

use super::{
    identities::{SECOND, digits},
    world::{ACCOUNT, World, refusal},
};
use crate::*;

pub(super) async fn an_alias_belongs_to_one_account(world: World) {
    let (first, second) = (AccountKey(1), world.second_account().await);
    let set = |account, alias: &str| world.meta.write(SetAccountAlias { account, alias: alias.to_owned() });
    let alias_of = |id: &str| world.meta.read(GetAccountAlias { account_id: digits(id) });
    set(first, "tools").await.unwrap();
    set(first, "tools").await.expect("a repeat finds its own");
    assert_eq!(refusal(set(second, "tools").await), AliasTaken);
    set(first, "platform").await.unwrap();
    assert_eq!(alias_of(ACCOUNT).await.unwrap().as_deref(), Some("platform"));
    set(second, "tools").await.expect("the earlier alias is free");
    let delete =
        |account, alias: &str| world.meta.write(DeleteAccountAlias { account, alias: alias.to_owned() });
    assert_eq!(refusal(delete(first, "tools").await), NoSuchAlias);
    delete(first, "platform").await.unwrap();
    assert_eq!(alias_of(ACCOUNT).await.unwrap(), None);
    assert_eq!(alias_of(SECOND).await.unwrap().as_deref(), Some("tools"));
}

pub(super) async fn rules_for_passwords_are_replaced_whole(world: World) {
    let account = AccountKey(1);
    let read = || world.meta.read(GetPasswordPolicy { account_id: digits(ACCOUNT) });
    assert_eq!(read().await.unwrap(), None);
    let strict = PasswordPolicy {
        minimum_length: 14,
        require_symbols: true,
        require_numbers: false,
        require_uppercase: true,
        require_lowercase: false,
        allow_users_to_change: true,
        max_age_days: Some(90),
        reuse_prevention: Some(24),
        hard_expiry: true,
    };
    let loose =
        PasswordPolicy { max_age_days: None, hard_expiry: false, require_symbols: false, ..strict.clone() };
    for policy in [strict, loose] {
        world.meta.write(SetPasswordPolicy { account, policy: policy.clone() }).await.unwrap();
        assert_eq!(read().await.unwrap(), Some(policy));
    }
    world.meta.write(DeletePasswordPolicy { account }).await.unwrap();
    assert_eq!(read().await.unwrap(), None);
    assert_eq!(refusal(world.meta.write(DeletePasswordPolicy { account }).await), NoPasswordPolicy);
}
