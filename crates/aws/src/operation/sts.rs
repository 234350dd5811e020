//! The operations of STS (API 2011-06-15) that Wharf has.

/// Calls a macro with every operation of this service: name, IAM action, resource of the action, request type in
/// `aws::sts`, handler. A permission is an action that operations require and that is not itself an operation.
#[macro_export]
macro_rules! sts_operations {
    ($callback:ident $($prefix:tt)*) => {
        $callback! { $($prefix)*
            operations {
                AssumeRole: "sts:AssumeRole" on Named => AssumeRoleRequest, assume_role;
                DecodeAuthorizationMessage: "sts:DecodeAuthorizationMessage" on Named => DecodeAuthorizationMessageRequest, decode_authorization_message;
                GetAccessKeyInfo: "sts:GetAccessKeyInfo" on Named => GetAccessKeyInfoRequest, get_access_key_info;
                GetCallerIdentity: "sts:GetCallerIdentity" on Everyone => GetCallerIdentityRequest, get_caller_identity;
                GetFederationToken: "sts:GetFederationToken" on Named => GetFederationTokenRequest, get_federation_token;
                GetSessionToken: "sts:GetSessionToken" on Everyone => GetSessionTokenRequest, get_session_token;
            }
            unsigned {
                AssumeRoleWithWebIdentity: "sts:AssumeRoleWithWebIdentity" on Named;
            }
            permissions {
                GetServiceBearerToken: "sts:GetServiceBearerToken" on Named;
                SetSourceIdentity: "sts:SetSourceIdentity" on Named;
                TagSession: "sts:TagSession" on Named;
            }
        }
    };
}
