//! The requests of the data plane: the name of each in the metrics and the log, and the operations of ECR that the gate
//! decides for it. The tests compare this list with the authorization matrix and with the decisions of the gate.

use access::op::{EcrOp, Op};
use access::rate::Rate;
use http::Method;
use oci::path::Route;

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

impl RouteOp {
    /// The kind of a request, from its method and path. Its query can make it a more special one, with the same rate.
    pub(super) fn of(method: &Method, route: &Route) -> Option<Self> {
        Some(match (route, method) {
            (Route::Manifest { .. }, &Method::GET) => Self::GetManifest,
            (Route::Manifest { .. }, &Method::HEAD) => Self::HeadManifest,
            (Route::Manifest { .. }, &Method::PUT) => Self::PutManifest,
            (Route::Blob { .. }, &Method::GET) => Self::GetBlob,
            (Route::Blob { .. }, &Method::HEAD) => Self::HeadBlob,
            (Route::Uploads { .. }, &Method::POST) => Self::StartUpload,
            (Route::Upload { .. }, &Method::PATCH) => Self::AppendUpload,
            (Route::Upload { .. }, &Method::PUT) => Self::FinishUpload,
            _ => return None,
        })
    }

    /// The rate of ECR that limits it: the rate of the operation that does the same. The URLs of GetDownloadUrlForLayer
    /// have none; the request for the URL has one.
    pub(crate) const fn rate(self) -> Option<Rate> {
        Some(match self {
            Self::HeadManifest | Self::GetManifest => Rate::BatchGetImage,
            Self::PutManifest => Rate::PutImage,
            Self::HeadBlob => Rate::BatchCheckLayerAvailability,
            Self::GetBlob => Rate::GetDownloadUrlForLayer,
            Self::StartUpload | Self::PutBlob | Self::MountBlob => Rate::InitiateLayerUpload,
            Self::AppendUpload => Rate::UploadLayerPart,
            Self::FinishUpload => Rate::CompleteLayerUpload,
            Self::Ping
            | Self::Catalog
            | Self::ListTags
            | Self::DeleteTag
            | Self::DeleteManifest
            | Self::ListReferrers
            | Self::DeleteBlob
            | Self::UploadStatus
            | Self::CancelUpload
            | Self::DownloadLayer
            | Self::Token
            | Self::ShowLogo => return None,
        })
    }
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

    #[test]
    fn a_route_has_the_rate_of_an_operation_that_it_decides() {
        for route in RouteOp::ALL {
            if let Some(rate) = route.rate() {
                assert!(route.ops().iter().any(|op| Rate::of(*op) == Some(rate)), "{route:?}");
            }
        }
    }

    #[test]
    fn every_route_with_a_rate_is_known_from_its_head() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let paths = ["manifests/1", &format!("blobs/{digest}"), "blobs/uploads/", "blobs/uploads/7"];
        let mut known = BTreeSet::from([RouteOp::PutBlob, RouteOp::MountBlob]);
        for path in paths {
            let route = oci::path::parse(&format!("/v2/app/{path}")).unwrap();
            let methods =
                [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
            known.extend(methods.iter().filter_map(|method| RouteOp::of(method, &route)));
        }
        let rated = RouteOp::ALL.iter().copied().filter(|route| route.rate().is_some());
        assert_eq!(known, rated.collect());
    }
}
