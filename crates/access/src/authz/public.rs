//! Decisions at a public registry. Its repositories are stored like private ones, and the same rules apply to their
//! images; the permissions are those of ECR Public, and everyone can pull.

use aws::ids::Region;
use meta::CallerState;

use super::Gate;
use crate::context::Caller;
use crate::error::{Code, Error, Result};
use crate::op::{EcrOp, EcrPublicOp, Op};

/// A pull. ECR Public has no permissions for it: everyone can pull, without credentials too (ECR Public User Guide,
/// "Public repositories").
const OPEN: [EcrOp; 4] =
    [EcrOp::BatchGetImage, EcrOp::GetDownloadUrlForLayer, EcrOp::ListImages, EcrOp::ListImageReferrers];

/// ECR's operations whose effects ECR Public has too, with its permission.
const fn twin(op: EcrOp) -> Option<EcrPublicOp> {
    macro_rules! twins {
        ($($name:ident)*) => {
            match op { $(EcrOp::$name => Some(EcrPublicOp::$name),)* _ => None }
        };
    }
    // Not CreateRepository: a public repository begins with its registry's alias.
    twins! {
        BatchCheckLayerAvailability BatchDeleteImage CompleteLayerUpload DeleteRepository DeleteRepositoryPolicy
        DescribeImages DescribeRepositories GetRepositoryPolicy InitiateLayerUpload ListRepositories
        ListTagsForResource PutImage SetRepositoryPolicy TagResource UntagResource UploadLayerPart
    }
}

/// What a peer does on the way to a replicated image. Between registries of one deployment no byte is sent, and the
/// permission to replicate the image is enough; it is here too. The last one is for a mount of a layer from another
/// repository to which the peer may replicate and sent the layer itself: it reads nothing that it did not have.
const WITH_A_REPLICA: [EcrOp; 4] = [
    EcrOp::InitiateLayerUpload,
    EcrOp::UploadLayerPart,
    EcrOp::CompleteLayerUpload,
    EcrOp::GetDownloadUrlForLayer,
];

impl Gate {
    /// The operation that is decided here. A public registry has ECR Public's operations, and a private one has ECR's.
    pub(super) fn decided_as(&self, op: Op) -> Result<Op> {
        match op {
            Op::Ecr(ecr) if self.region.is_public() && !OPEN.contains(&ecr) => {
                twin(ecr).map(Op::EcrPublic).ok_or_else(|| unsupported(op))
            }
            Op::EcrPublic(_) if !self.region.is_public() => Err(unsupported(op)),
            Op::Ecr(ecr) if self.is_of_peer && WITH_A_REPLICA.contains(&ecr) => {
                Ok(Op::Ecr(EcrOp::ReplicateImage))
            }
            _ => Ok(op),
        }
    }

    /// Whether everyone is allowed an operation here, regardless of policies.
    pub(super) fn is_open_to_everyone(&self, op: Op) -> bool {
        self.region.is_public() && matches!(op, Op::Ecr(ecr) if OPEN.contains(&ecr))
    }
}

fn unsupported(op: Op) -> Error {
    let message = format!("{} is not supported by this kind of registry.", op.name());
    Error::new(Code::UnsupportedCommand, message)
}

/// The state of nobody at a public registry. A private registry refuses callers without credentials here, before
/// anything is read.
pub(super) fn nobody(caller: &Caller, region: &Region) -> Result<Option<CallerState>> {
    if !caller.is_anonymous() {
        return Ok(None);
    }
    if !region.is_public() {
        return Err(Error::new(Code::InvalidToken, "This registry needs credentials."));
    }
    Ok(Some(CallerState {
        version: 0,
        path: "/".to_owned(),
        name: caller.unique_id.clone(),
        account_status: "ACTIVE".to_owned(),
        in_organization: false,
        unit_path: String::new(),
        access_key_active: true,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twin_has_the_same_name_and_its_own_permission() {
        for op in EcrOp::ALL {
            let Some(twin) = twin(*op).map(Op::EcrPublic) else { continue };
            assert_eq!(Op::Ecr(*op).name(), twin.name());
            assert_eq!(Op::Ecr(*op).action().replace("ecr:", "ecr-public:"), twin.action());
            assert_eq!(Op::Ecr(*op).resource(), twin.resource());
            assert!(!OPEN.contains(op));
        }
    }
}
