terraform {
  required_version = "~> 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # State is in this folder. More than one person: put it into a bucket.
  # backend "s3" { bucket = "…", key = "cinemill", region = "…", use_lockfile = true }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { application = "cinemill" }
  }
}
