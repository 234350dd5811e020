//! The settings of a repository, copied between two servers with ECR's API: tags, mutability, scanning, the repository
//! policy and the lifecycle policy. They are set after the images were copied, so that none of them ends images early.

use oci::name::RepositoryName;
use serde_json::{Value, json};

use super::CopyError;
use crate::aws_client::{AwsClient, CallError, Service};

/// The two servers.
pub(crate) struct Settings {
    from: AwsClient,
    to: AwsClient,
}

impl Settings {
    pub(crate) fn new(from: AwsClient, to: AwsClient) -> Self {
        Self { from, to }
    }

    /// Copies everything, and returns what could not be copied, with the reason. A policy can name principals that do not
    /// exist at the target.
    pub(super) async fn copy(
        &self,
        from: &RepositoryName,
        to: &RepositoryName,
    ) -> Result<Vec<(&'static str, CopyError)>, CopyError> {
        let one = |name: &RepositoryName| json!({ "repositoryNames": [name] });
        let source = repository(&self.from.json(Service::Ecr, "DescribeRepositories", &one(from)).await?);
        let target = repository(&self.to.json(Service::Ecr, "DescribeRepositories", &one(to)).await?);
        let outcomes = [
            ("tags", self.tags(&source, &target).await),
            ("tag mutability", self.mutability(&source, to).await),
            ("scan on push", self.scanning(&source, to).await),
            ("repository policy", self.repository_policy(from, to).await),
            ("lifecycle policy", self.lifecycle_policy(from, to).await),
        ];
        Ok(outcomes.into_iter().filter_map(|(what, outcome)| Some((what, outcome.err()?))).collect())
    }

    async fn tags(&self, source: &Value, target: &Value) -> Result<(), CopyError> {
        let input = json!({ "resourceArn": source.get("repositoryArn") });
        let listed = self.from.json(Service::Ecr, "ListTagsForResource", &input).await?;
        let tags = listed.get("tags").cloned().unwrap_or_else(|| json!([]));
        if tags.as_array().is_none_or(Vec::is_empty) {
            return Ok(());
        }
        self.set("TagResource", &json!({ "resourceArn": target.get("repositoryArn"), "tags": tags })).await
    }

    async fn mutability(&self, source: &Value, to: &RepositoryName) -> Result<(), CopyError> {
        let mut input = json!({ "repositoryName": to });
        for name in ["imageTagMutability", "imageTagMutabilityExclusionFilters"] {
            if let (Some(value), Some(members)) = (source.get(name), input.as_object_mut()) {
                members.insert(name.to_owned(), value.clone());
            }
        }
        self.set("PutImageTagMutability", &input).await
    }

    async fn scanning(&self, source: &Value, to: &RepositoryName) -> Result<(), CopyError> {
        let Some(scanning) = source.get("imageScanningConfiguration") else { return Ok(()) };
        let input = json!({ "repositoryName": to, "imageScanningConfiguration": scanning });
        self.set("PutImageScanningConfiguration", &input).await
    }

    async fn repository_policy(&self, from: &RepositoryName, to: &RepositoryName) -> Result<(), CopyError> {
        let none = "RepositoryPolicyNotFoundException";
        let Some(policy) = self.get("GetRepositoryPolicy", from, none, "policyText").await? else {
            return Ok(());
        };
        self.set("SetRepositoryPolicy", &json!({ "repositoryName": to, "policyText": policy })).await
    }

    async fn lifecycle_policy(&self, from: &RepositoryName, to: &RepositoryName) -> Result<(), CopyError> {
        let none = "LifecyclePolicyNotFoundException";
        let Some(policy) = self.get("GetLifecyclePolicy", from, none, "lifecyclePolicyText").await? else {
            return Ok(());
        };
        self.set("PutLifecyclePolicy", &json!({ "repositoryName": to, "lifecyclePolicyText": policy })).await
    }

    /// A policy of the source, if it has one.
    async fn get(
        &self,
        operation: &str,
        from: &RepositoryName,
        none: &str,
        member: &str,
    ) -> Result<Option<Value>, CopyError> {
        match self.from.json(Service::Ecr, operation, &json!({ "repositoryName": from })).await {
            Err(CallError::Refused(refusal)) if refusal.code == none => Ok(None),
            answer => Ok(answer?.get(member).cloned()),
        }
    }

    async fn set(&self, operation: &str, input: &Value) -> Result<(), CopyError> {
        Ok(self.to.json(Service::Ecr, operation, input).await.map(|_| ())?)
    }
}

fn repository(answer: &Value) -> Value {
    answer.pointer("/repositories/0").cloned().unwrap_or_default()
}
