//! A permit for one account adds nothing to another: the key of the account comes from the permit.

use access::op::iam;
use access::permit::{Permit, PermittedAccount};
use access::store::{AccountKey, CreateEntity};

async fn create(permit: &Permit<iam::CreateGroup>, create: CreateEntity<AccountKey>) {
    let _ = permit.write(|_| create).await;
}

fn account(key: AccountKey) -> PermittedAccount {
    PermittedAccount(key)
}

fn main() {}
