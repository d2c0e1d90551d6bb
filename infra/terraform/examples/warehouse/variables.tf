variable "region" {
  description = "AWS region."
  type        = string
}

variable "name" {
  description = "Begins all names; those of the buckets have to be unique worldwide."
  type        = string
}

variable "vpc_id" {
  description = "Network of warehouse and cluster."
  type        = string
}

variable "subnet_ids" {
  description = "Three subnets in three availability zones; the cluster is in the first."
  type        = list(string)
}

variable "release_key" {
  description = "The tarball's name in the bucket of releases."
  type        = string
}

variable "release_sha256" {
  description = "The tarball's checksum."
  type        = string
}

variable "alarm_email" {
  description = "Who hears of alarms and of the budget."
  type        = string
}
