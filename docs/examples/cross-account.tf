# Repositories of one account that other accounts may pull from, by OpenTofu or Terraform against Wharf.
# As on AWS, the account that pulls still has to allow its own roles: AmazonEC2ContainerRegistryReadOnly does. And the
# accounts have to be there, or their policies are refused: wharf account create --name staging --id 444455556666

variable "wharf" {
  description = "Where Wharf answers, as in https://wharf.example.org."
  type        = string
}

variable "readers" {
  description = "The repositories, each with the accounts that may pull from it."
  type        = map(list(string))
  default = {
    "platform/app"    = ["444455556666"]
    "platform/worker" = ["444455556666", "777788889999"]
  }
}

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

# The keys come from the environment, as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
provider "aws" {
  region = "eu-central-1"

  endpoints {
    ecr           = var.wharf
    iam           = var.wharf
    organizations = var.wharf
    sts           = var.wharf
  }
}

resource "aws_ecr_repository" "shared" {
  for_each = var.readers

  name                 = each.key
  image_tag_mutability = "IMMUTABLE"
}

data "aws_iam_policy_document" "pull" {
  for_each = var.readers

  statement {
    sid    = "CrossAccountPull"
    effect = "Allow"

    principals {
      type        = "AWS"
      identifiers = [for account in each.value : "arn:aws:iam::${account}:root"]
    }

    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:DescribeImageScanFindings",
      "ecr:DescribeImages",
      "ecr:DescribeRepositories",
      "ecr:GetAuthorizationToken",
      "ecr:GetDownloadUrlForLayer",
      "ecr:GetRepositoryPolicy",
      "ecr:ListImages",
    ]
  }
}

resource "aws_ecr_repository_policy" "pull" {
  for_each = aws_ecr_repository.shared

  repository = each.value.name
  policy     = data.aws_iam_policy_document.pull[each.key].json
}
