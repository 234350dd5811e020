//! The operations of Secrets Manager (API 2017-10-17) that Wharf has.

/// Calls a macro with every operation of this service: name, IAM action, resource of the action, request type in
/// `aws::secrets_manager`, handler. A permission is an action that operations require and that is not itself an operation.
#[macro_export]
macro_rules! secrets_manager_operations {
    ($callback:ident $($prefix:tt)*) => {
        $callback! { $($prefix)*
            operations {
                CreateSecret: "secretsmanager:CreateSecret" on Named => CreateSecretRequest, create_secret;
                DeleteResourcePolicy: "secretsmanager:DeleteResourcePolicy" on Named => DeleteResourcePolicyRequest, delete_secret_policy;
                DeleteSecret: "secretsmanager:DeleteSecret" on Named => DeleteSecretRequest, delete_secret;
                DescribeSecret: "secretsmanager:DescribeSecret" on Named => DescribeSecretRequest, describe_secret;
                GetResourcePolicy: "secretsmanager:GetResourcePolicy" on Named => GetResourcePolicyRequest, get_secret_policy;
                GetSecretValue: "secretsmanager:GetSecretValue" on Named => GetSecretValueRequest, get_secret_value;
                ListSecrets: "secretsmanager:ListSecrets" on Named => ListSecretsRequest, list_secrets;
                PutResourcePolicy: "secretsmanager:PutResourcePolicy" on Named => PutResourcePolicyRequest, put_secret_policy;
                PutSecretValue: "secretsmanager:PutSecretValue" on Named => PutSecretValueRequest, put_secret_value;
                RestoreSecret: "secretsmanager:RestoreSecret" on Named => RestoreSecretRequest, restore_secret;
                TagResource: "secretsmanager:TagResource" on Named => TagResourceRequest, tag_secret;
                UntagResource: "secretsmanager:UntagResource" on Named => UntagResourceRequest, untag_secret;
                UpdateSecret: "secretsmanager:UpdateSecret" on Named => UpdateSecretRequest, update_secret;
            }
            unsigned {
            }
            permissions {
            }
        }
    };
}
