//! The one list of operations: name, IAM action, what the action is on. Dispatch, metrics, documents and
//! authorisation tests derive from it.

/// What an operation's IAM action is decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// One repository's ARN.
    Repository,
    /// Every repository of the registry: `…:repository/*`.
    AllRepositories,
    /// `*`: the account itself.
    Account,
    /// What the request names: a user, a role, an account.
    Named,
}

macro_rules! operations {
    ($($name:ident: $action:literal on $resource:ident;)*) => {
        /// An operation of the registry, by the name that AWS gives it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the names are those of AWS's API reference")]
        pub enum Op { $($name,)* }

        impl Op {
            /// Every operation.
            pub const ALL: &'static [Op] = &[$(Op::$name,)*];

            /// The operation's name in the AWS API.
            pub const fn name(self) -> &'static str {
                match self { $(Op::$name => stringify!($name),)* }
            }

            /// The IAM action that permits it (service authorization reference of Amazon ECR).
            pub const fn action(self) -> &'static str {
                match self { $(Op::$name => $action,)* }
            }

            /// What the action is decided on.
            pub const fn resource(self) -> Resource {
                match self { $(Op::$name => Resource::$resource,)* }
            }
        }

        /// One type for each operation, so that a permit for one is no permit for another.
        pub mod effect {
            use super::Op;

            /// The operation that a permit was given for.
            pub trait Effect: Send + Sync + 'static {
                /// The operation.
                const OP: Op;
            }

            $(
                /// Marks permits for the operation of this name.
                #[derive(Debug)]
                pub struct $name;
                impl Effect for $name {
                    const OP: Op = Op::$name;
                }
            )*
        }
    };
}

operations! {
    GetAuthorizationToken: "ecr:GetAuthorizationToken" on Account;
    DescribeRegistry: "ecr:DescribeRegistry" on Account;
    CreateRepository: "ecr:CreateRepository" on Repository;
    DescribeRepositories: "ecr:DescribeRepositories" on Repository;
    ListRepositories: "ecr:DescribeRepositories" on AllRepositories;
    DeleteRepository: "ecr:DeleteRepository" on Repository;
    TagResource: "ecr:TagResource" on Repository;
    UntagResource: "ecr:UntagResource" on Repository;
    ListTagsForResource: "ecr:ListTagsForResource" on Repository;
    PutImageTagMutability: "ecr:PutImageTagMutability" on Repository;
    PutImage: "ecr:PutImage" on Repository;
    BatchGetImage: "ecr:BatchGetImage" on Repository;
    ListImages: "ecr:ListImages" on Repository;
    DescribeImages: "ecr:DescribeImages" on Repository;
    BatchDeleteImage: "ecr:BatchDeleteImage" on Repository;
    ListImageReferrers: "ecr:BatchGetImage" on Repository;
    BatchCheckLayerAvailability: "ecr:BatchCheckLayerAvailability" on Repository;
    GetDownloadUrlForLayer: "ecr:GetDownloadUrlForLayer" on Repository;
    InitiateLayerUpload: "ecr:InitiateLayerUpload" on Repository;
    UploadLayerPart: "ecr:UploadLayerPart" on Repository;
    CompleteLayerUpload: "ecr:CompleteLayerUpload" on Repository;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_but_the_two_without_an_own_action_is_named_as_its_action() {
        for op in Op::ALL {
            match op {
                Op::ListRepositories | Op::ListImageReferrers => {}
                op => assert_eq!(op.action(), format!("ecr:{}", op.name())),
            }
        }
    }
}
