//! The rows of the data plane: every route with every method that it supports. The needed actions are those that the
//! ECR User Guide lists for Docker clients ("IAM permissions for pushing an image", "Mounting blobs").

use http::Method;
use oci::path::{Route, parse};
use server::RouteOp;

use super::ecr::{CONFIG, LAYER, manifest, push_blob, push_image};
use super::stage::Stage;
use super::table::{Cross, Expected, Need, Row, repository};
use super::wire::{Ask, data, data_with};
use crate::image::{MANIFEST, sha256};

const OCTETS: &str = "application/octet-stream";
const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::PATCH, Method::DELETE];

/// A request on `team/target` for which one action suffices.
fn on_target(route: RouteOp, method: &Method, rest: &str, action: &str) -> Row {
    of_target(route, &data(method.clone(), &format!("/v2/team/target/{rest}")), &[action])
}

fn of_target(route: RouteOp, ask: &Ask, actions: &[&str]) -> Row {
    let Ask::Data { method, path, .. } = ask else { panic!("{ask:?}") };
    let row = Row::on(route, &named(method, path), ask.clone(), Cross::Repository);
    actions.iter().fold(row, |row, action| row.needs(format!("ecr:{action}"), repository("team/target")))
}

/// A request for the report, with shortened digests.
fn named(method: &Method, path: &str) -> String {
    let mut parts = path.split("sha256:");
    let mut name = format!("{method} {}", parts.next().unwrap());
    for part in parts {
        name.extend(["sha256:", &part[..6], "…", &part[64..]]);
    }
    name
}

/// The rows of a request that can be made with GET and with HEAD.
fn looked_at([get, head]: [RouteOp; 2], rest: &str, action: &str) -> [Row; 2] {
    [on_target(get, &Method::GET, rest, action), on_target(head, &Method::HEAD, rest, action)]
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = of_registry();
    rows.extend(of_manifests());
    rows.extend(of_blobs());
    rows.extend(of_uploads());
    rows
}

fn of_registry() -> Vec<Row> {
    let mut rows = Vec::new();
    for method in [Method::GET, Method::HEAD] {
        // A login: it needs only the credentials of an existing principal.
        let own = Cross::OwnAccount(Expected::Success);
        rows.push(Row::on(RouteOp::Ping, &format!("{method} /v2/"), data(method.clone(), "/v2/"), own));
        let catalog = data(method.clone(), "/v2/_catalog");
        rows.push(
            Row::on(RouteOp::Catalog, &format!("{method} /v2/_catalog"), catalog, Cross::Registry)
                .needs("ecr:DescribeRepositories", repository("*")),
        );
    }
    rows
}

fn of_manifests() -> Vec<Row> {
    let put = |reference: &str, body: &str| {
        data_with(Method::PUT, &format!("/v2/team/target/manifests/{reference}"), MANIFEST, body)
    };
    let doomed = manifest("doomed");
    let digest = sha256(doomed.as_bytes());
    let kept = sha256(manifest("kept").as_bytes());
    let pull = [RouteOp::GetManifest, RouteOp::HeadManifest];
    let mut rows = Vec::new();
    rows.extend(looked_at([RouteOp::ListTags; 2], "tags/list", "ListImages"));
    rows.extend(looked_at(pull, "manifests/kept", "BatchGetImage"));
    rows.extend(looked_at(pull, &format!("manifests/{kept}"), "BatchGetImage"));
    rows.extend(looked_at([RouteOp::ListReferrers; 2], &format!("referrers/{kept}"), "BatchGetImage"));
    rows.push(
        of_target(RouteOp::PutManifest, &put("pushed", &manifest("pushed")), &["PutImage"])
            .gives(Expected::Status(201)),
    );
    rows.push(
        of_target(RouteOp::PutManifest, &put(&digest, &doomed), &["PutImage"]).gives(Expected::Status(201)),
    );
    rows.push(
        on_target(RouteOp::DeleteTag, &Method::DELETE, "manifests/doomed", "BatchDeleteImage")
            .after([push_image("doomed")])
            .gives(Expected::Status(202)),
    );
    rows.push(
        on_target(
            RouteOp::DeleteManifest,
            &Method::DELETE,
            &format!("manifests/{digest}"),
            "BatchDeleteImage",
        )
        .after([put(&digest, &doomed)])
        .gives(Expected::Status(202)),
    );
    rows
}

fn of_blobs() -> Vec<Row> {
    let config = format!("blobs/{}", sha256(CONFIG.as_bytes()));
    let doomed = format!("blobs/{}", sha256(b"doomed"));
    let path = format!("/v2/team/target/{config}");
    vec![
        on_target(RouteOp::GetBlob, &Method::GET, &config, "GetDownloadUrlForLayer"),
        // A caller that may download a layer may know that it exists.
        Row::on(
            RouteOp::HeadBlob,
            &named(&Method::HEAD, &path),
            data(Method::HEAD, &path),
            Cross::Repository,
        )
        .needing(
            Need::new("ecr:BatchCheckLayerAvailability", repository("team/target"))
                .or("ecr:GetDownloadUrlForLayer"),
        ),
        on_target(RouteOp::DeleteBlob, &Method::DELETE, &doomed, "BatchDeleteImage")
            .after([push_blob("team/target", "doomed")])
            .gives(Expected::Status(202)),
    ]
}

fn of_uploads() -> Vec<Row> {
    let with_bytes = |method: Method, rest: &str| {
        data_with(method, &format!("/v2/team/target/blobs/uploads/{rest}"), OCTETS, "{bytes}")
    };
    let all = ["UploadLayerPart", "CompleteLayerUpload", "InitiateLayerUpload"];
    let mut rows = vec![
        on_target(RouteOp::StartUpload, &Method::POST, "blobs/uploads/", "InitiateLayerUpload")
            .gives(Expected::Status(202)),
        of_target(RouteOp::PutBlob, &with_bytes(Method::POST, "?digest={digest}"), &all)
            .gives(Expected::Status(201)),
        of_target(RouteOp::AppendUpload, &with_bytes(Method::PATCH, "{upload}"), &["UploadLayerPart"])
            .gives(Expected::Status(202)),
        on_target(
            RouteOp::FinishUpload,
            &Method::PUT,
            "blobs/uploads/{filled}?digest={digest}",
            "CompleteLayerUpload",
        )
        .gives(Expected::Status(201)),
        // The last bytes can arrive with the end of the upload: they are a part like the others.
        of_target(
            RouteOp::FinishUpload,
            &with_bytes(Method::PUT, "{upload}?digest={digest}"),
            &["CompleteLayerUpload", "UploadLayerPart"],
        )
        .gives(Expected::Status(201)),
        // The end of an upload is repeated when its answer was lost. It succeeds for a caller that may know of the blob.
        of_target(
            RouteOp::FinishUpload,
            &data(
                Method::PUT,
                &format!("/v2/team/target/blobs/uploads/ended?digest={}", sha256(CONFIG.as_bytes())),
            ),
            &["CompleteLayerUpload"],
        )
        .needing(
            Need::new("ecr:BatchCheckLayerAvailability", repository("team/target"))
                .or("ecr:GetDownloadUrlForLayer")
                .or_else(404),
        )
        .gives(Expected::Status(201)),
        on_target(RouteOp::CancelUpload, &Method::DELETE, "blobs/uploads/{upload}", "UploadLayerPart")
            .gives(Expected::Status(204)),
    ];
    rows.extend(
        looked_at([RouteOp::UploadStatus; 2], "blobs/uploads/{upload}", "UploadLayerPart")
            .map(|row| row.gives(Expected::Status(204))),
    );
    let layer = sha256(LAYER.as_bytes());
    for from in ["&from=team/source", ""] {
        let mount = data(Method::POST, &format!("/v2/team/target/blobs/uploads/?mount={layer}{from}"));
        // A caller that may not read the layer at its source uploads it.
        let source = Need::new("ecr:GetDownloadUrlForLayer", repository("team/source")).or_else(202);
        rows.push(
            of_target(RouteOp::MountBlob, &mount, &["CompleteLayerUpload", "InitiateLayerUpload"])
                .needing(source)
                .after([data(Method::DELETE, &format!("/v2/team/target/blobs/{layer}"))])
                .gives(Expected::Status(201)),
        );
    }
    rows
}

/// A path without its query, and with an upload ID.
fn plain(path: &str) -> String {
    path.split('?').next().unwrap().replace("{upload}", "an-id").replace("{filled}", "an-id")
}

/// The route of a path. A new kind of route does not compile until it is added here.
fn kind(path: &str) -> &'static str {
    match parse(plain(path).as_str()).unwrap() {
        Route::Base => "base",
        Route::Catalog => "catalog",
        Route::Tags { .. } => "tags",
        Route::Manifest { .. } => "manifest",
        Route::Blob { .. } => "blob",
        Route::Uploads { .. } => "uploads",
        Route::Upload { .. } => "upload",
        Route::Referrers { .. } => "referrers",
    }
}

/// Every route supports exactly the methods for which it has rows.
pub(super) async fn no_other_method_is_answered(stage: &Stage) {
    let rows = rows();
    let asked: Vec<(&Method, &str, &'static str)> = rows
        .iter()
        .filter_map(|row| match &row.ask {
            Ask::Data { method, path, .. } => Some((method, path.as_str(), kind(path))),
            _ => None,
        })
        .collect();
    let mut kinds: Vec<_> = asked.iter().map(|(_, path, kind)| (*kind, *path)).collect();
    kinds.sort_unstable();
    kinds.dedup_by_key(|(kind, _)| *kind);
    assert_eq!(kinds.len(), 8, "{kinds:?}");
    for (kind, path) in kinds {
        for method in METHODS {
            if asked.iter().any(|(known, _, of)| (*known, *of) == (&method, kind)) {
                continue;
            }
            let answer = stage.ask(&data(method.clone(), &plain(path)), Some(&stage.admin)).await;
            assert_eq!(answer.status, 405, "{method} {path} has no row: {answer:?}");
        }
    }
}
