//! The requests of the data plane: the name of each in the metrics and the log, and the operations of ECR that the gate
//! decides for it. The tests compare this list with the authorization matrix and with the decisions of the gate.

use access::op::{EcrOp, Op};

macro_rules! routes {
    ($($(#[$doc:meta])* $name:ident: $label:literal decides [$($op:ident),*];)*) => {
        /// A kind of request of the data plane.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum RouteOp { $($(#[$doc])* $name,)* }

        impl RouteOp {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in the metrics and the log.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }

            /// The operations that the gate may decide for it. A request decides on those that it needs.
            pub const fn ops(self) -> &'static [Op] {
                match self { $(Self::$name => &[$(Op::Ecr(EcrOp::$op),)*],)* }
            }
        }
    };
}

routes! {
    /// `GET /v2/`: any valid credentials are sufficient.
    Ping: "ping" decides [];
    /// `GET /v2/_catalog`
    Catalog: "catalog" decides [ListRepositories];
    /// `GET /v2/<name>/tags/list`
    ListTags: "list_tags" decides [ListImages];
    /// `HEAD /v2/<name>/manifests/<reference>`
    HeadManifest: "head_manifest" decides [BatchGetImage];
    /// `GET /v2/<name>/manifests/<reference>`
    GetManifest: "get_manifest" decides [BatchGetImage];
    /// `PUT /v2/<name>/manifests/<reference>`
    PutManifest: "put_manifest" decides [PutImage];
    /// `DELETE /v2/<name>/manifests/<tag>`
    DeleteTag: "delete_tag" decides [BatchDeleteImage];
    /// `DELETE /v2/<name>/manifests/<digest>`
    DeleteManifest: "delete_manifest" decides [BatchDeleteImage];
    /// `GET /v2/<name>/referrers/<digest>`
    ListReferrers: "list_referrers" decides [ListImageReferrers];
    /// `HEAD /v2/<name>/blobs/<digest>`: one of the two is sufficient.
    HeadBlob: "head_blob" decides [BatchCheckLayerAvailability, GetDownloadUrlForLayer];
    /// `GET /v2/<name>/blobs/<digest>`
    GetBlob: "get_blob" decides [GetDownloadUrlForLayer];
    /// `DELETE /v2/<name>/blobs/<digest>`
    DeleteBlob: "delete_blob" decides [BatchDeleteImage];
    /// `POST /v2/<name>/blobs/uploads/`
    StartUpload: "start_upload" decides [InitiateLayerUpload];
    /// `POST /v2/<name>/blobs/uploads/?digest=`: the whole blob in one request.
    PutBlob: "put_blob" decides [UploadLayerPart, CompleteLayerUpload, InitiateLayerUpload];
    /// `POST /v2/<name>/blobs/uploads/?mount=`: the blob is read at its source.
    MountBlob: "mount_blob" decides [CompleteLayerUpload, InitiateLayerUpload, GetDownloadUrlForLayer];
    /// `GET /v2/<name>/blobs/uploads/<id>`
    UploadStatus: "upload_status" decides [UploadLayerPart];
    /// `PATCH /v2/<name>/blobs/uploads/<id>`
    AppendUpload: "append_upload" decides [UploadLayerPart];
    /// `PUT /v2/<name>/blobs/uploads/<id>?digest=`: also asks whether the blob exists if the upload does not.
    FinishUpload: "finish_upload" decides
        [CompleteLayerUpload, UploadLayerPart, BatchCheckLayerAvailability, GetDownloadUrlForLayer];
    /// `DELETE /v2/<name>/blobs/uploads/<id>`
    CancelUpload: "cancel_upload" decides [UploadLayerPart];
    /// `GET /token/`: a bearer token for public registries, for a password or for nothing.
    Token: "token" decides [];
    /// `GET /wharf/logos/<alias>/<name>`: the logo of a public repository.
    ShowLogo: "show_logo" decides [BatchGetImage];
    /// `GET /wharf/layers/<token>`: the URL of GetDownloadUrlForLayer.
    DownloadLayer: "download_layer" decides [GetDownloadUrlForLayer];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_has_a_name_of_its_own() {
        let names: BTreeSet<_> = RouteOp::ALL.iter().map(|route| route.name()).collect();
        assert_eq!(names.len(), RouteOp::ALL.len());
    }
}
