//! The operations of the Resource Groups Tagging API (API 2017-01-26) that Wharf has.

/// Calls a macro with every operation of this service: name, IAM action, resource of the action, request type in
/// `aws::tagging`, handler. A permission is an action that operations require and that is not itself an operation.
#[macro_export]
macro_rules! tagging_operations {
    ($callback:ident $($prefix:tt)*) => {
        $callback! { $($prefix)*
            operations {
                GetResources: "tag:GetResources" on Named => GetResourcesInput, get_resources;
                GetTagKeys: "tag:GetTagKeys" on Named => GetTagKeysInput, get_tag_keys;
                GetTagValues: "tag:GetTagValues" on Named => GetTagValuesInput, get_tag_values;
                TagResources: "tag:TagResources" on Named => TagResourcesInput, tag_resources;
                UntagResources: "tag:UntagResources" on Named => UntagResourcesInput, untag_resources;
            }
            unsigned {
            }
            permissions {
            }
        }
    };
}
