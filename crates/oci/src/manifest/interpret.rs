//! The meaning of a parsed body: its media type, its kind, and whether it has the members that its kind requires.

use super::{
    Kind, Manifest, ManifestError, is_schema1,
    wire::{Body, SchemaVersion},
};
use crate::media_type::{
    DOCKER_MANIFEST_LIST, DOCKER_MANIFEST_V2, OCI_ARTIFACT_MANIFEST, OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST,
    ORAS_ARTIFACT_MANIFEST,
};

/// The supported formats.
#[derive(Copy, Clone, Eq, PartialEq)]
enum Format {
    OciImage,
    OciIndex,
    DockerImage,
    DockerList,
    /// Artifact manifests from before OCI 1.1: `blobs`, no config, no `schemaVersion`.
    Artifact,
}

impl Format {
    /// The format of a media type.
    ///
    /// An unknown media type is refused, not guessed from the members: the image specification fixes `mediaType` for
    /// its two formats, ECR accepts only these, and unknown references could be removed as garbage.
    fn of(media_type: &str) -> Option<Self> {
        match media_type {
            OCI_IMAGE_MANIFEST => Some(Self::OciImage),
            OCI_IMAGE_INDEX => Some(Self::OciIndex),
            DOCKER_MANIFEST_V2 => Some(Self::DockerImage),
            DOCKER_MANIFEST_LIST => Some(Self::DockerList),
            OCI_ARTIFACT_MANIFEST | ORAS_ARTIFACT_MANIFEST => Some(Self::Artifact),
            _ => None,
        }
    }

    const fn is_docker(self) -> bool {
        matches!(self, Self::DockerImage | Self::DockerList)
    }
}

/// Whether this is the media type of a manifest.
pub(super) fn is_manifest(media_type: &str) -> bool {
    Format::of(&media_type.to_ascii_lowercase()).is_some()
}

impl Body {
    /// The manifest, which was sent with the media type `header`.
    pub(super) fn interpret(self, header: Option<&str>) -> Result<Manifest, ManifestError> {
        let is_schema1_body = self.media_type.as_deref().is_some_and(is_schema1);
        if is_schema1_body || self.schema_version == Some(SchemaVersion::One) {
            return Err(ManifestError::UnsupportedSchema1);
        }
        if self.manifests.is_some()
            && let Some(key) = self.member_of_an_image()
        {
            return Err(ManifestError::Ambiguous("manifests", key));
        }
        let (media_type, format) = self.media_type(header)?;
        let may_lack_version = format == Format::Artifact && self.schema_version.is_none();
        if self.schema_version != Some(SchemaVersion::Two) && !may_lack_version {
            return Err(ManifestError::SchemaVersion);
        }
        self.require_members(format)?;
        let kind = match format {
            Format::OciIndex | Format::DockerList => Kind::Index,
            Format::OciImage | Format::DockerImage | Format::Artifact => Kind::Image,
        };
        Ok(Manifest {
            kind,
            media_type,
            // Docker's formats have neither of these two members; they mean nothing there.
            artifact_type: self.artifact_type.filter(|_| !format.is_docker()),
            subject: self.subject.filter(|_| !format.is_docker()),
            config: self.config,
            layers: if format == Format::Artifact { self.blobs } else { self.layers }.unwrap_or_default(),
            manifests: self.manifests.unwrap_or_default(),
            annotations: self.annotations,
        })
    }

    /// The media type and its format. Body and header must agree if both have one.
    fn media_type(&self, header: Option<&str>) -> Result<(String, Format), ManifestError> {
        let media_type = match (self.media_type.as_deref(), header) {
            (Some(body), Some(header)) if !body.eq_ignore_ascii_case(header) => {
                let (body, header) = (body.to_owned(), header.to_owned());
                return Err(ManifestError::MediaTypeMismatch { body, header });
            }
            (Some(body), _) => body.to_owned(),
            (None, Some(header)) => header.to_ascii_lowercase(),
            (None, None) => return Err(ManifestError::MissingMediaType),
        };
        let Some(format) = Format::of(&media_type) else {
            return Err(ManifestError::UnsupportedMediaType(media_type));
        };
        Ok((media_type, format))
    }

    /// The first member that an image has and an index does not.
    fn member_of_an_image(&self) -> Option<&'static str> {
        match (&self.config, &self.layers) {
            (Some(_), _) => Some("config"),
            (None, Some(_)) => Some("layers"),
            (None, None) => None,
        }
    }

    /// The members that a format requires. A missing list counts as empty.
    fn require_members(&self, format: Format) -> Result<(), ManifestError> {
        let require = |key, is_there| if is_there { Ok(()) } else { Err(ManifestError::MissingField(key)) };
        match format {
            Format::OciImage | Format::DockerImage => require("config", self.config.is_some()),
            Format::OciIndex | Format::DockerList => {
                require("manifests", self.manifests.is_some() || self.member_of_an_image().is_none())
            }
            Format::Artifact => {
                let other =
                    self.manifests.as_ref().map(|_| "manifests").or_else(|| self.member_of_an_image());
                if let Some(key) = other {
                    return Err(ManifestError::Ambiguous("blobs", key));
                }
                require("artifactType", self.artifact_type.is_some())
            }
        }
    }
}
