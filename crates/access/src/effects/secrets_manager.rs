//! Which permission of Secrets Manager opens which store operation.

#[allow(clippy::wildcard_imports, reason = "the lists below name each operation")]
use meta::operations::*;

use crate::ids::IdSource;
use crate::op::secrets_manager;
use crate::permit::sealed::Listed;
use crate::permit::{Of, Opens, PermittedKey};

// `Of` is a permit on one secret: what it changes takes the secret's ARN from the permit.
opens! {
    secrets_manager::CreateSecret => CreateSecret;
    Of<secrets_manager::GetSecretValue> => ListSecretValues;
    Of<secrets_manager::PutSecretValue> => ListSecretValues, PutSecretValue<PermittedKey>;
    Of<secrets_manager::UpdateSecret> => ListSecretValues, PutSecretValue<PermittedKey>,
        ChangeSecret<PermittedKey>;
    Of<secrets_manager::DescribeSecret> => ListSecretValues, ListIamTags;
    Of<secrets_manager::DeleteSecret> => ChangeSecret<PermittedKey>, RemoveSecret<PermittedKey>;
    Of<secrets_manager::RestoreSecret> => ChangeSecret<PermittedKey>;
    secrets_manager::ListSecrets => ListSecrets, ListIamTags, ListSecretValues;
    Of<secrets_manager::TagResource> => PutIamTags<PermittedKey>;
    Of<secrets_manager::UntagResource> => RemoveIamTags<PermittedKey>;
    Of<secrets_manager::PutResourcePolicy> => FindNamedPrincipals, ChangeSecret<PermittedKey>;
    Of<secrets_manager::GetResourcePolicy> => FindNamedPrincipals;
    Of<secrets_manager::DeleteResourcePolicy> => ChangeSecret<PermittedKey>;
}
