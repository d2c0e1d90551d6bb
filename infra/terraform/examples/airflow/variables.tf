variable "region" {
  description = "AWS region."
  type        = string
}

variable "name" {
  description = "Begins all names; those of the buckets have to be unique worldwide."
  type        = string
}

variable "vpc_id" {
  description = "Network of the clusters."
  type        = string
}

variable "subnet_id" {
  description = "Subnet of the clusters."
  type        = string
}

variable "private_subnet" {
  description = "Whether the subnet has no route to an internet gateway."
  type        = bool
  default     = false
}

variable "release_key" {
  description = "The tarball's name in the bucket of releases."
  type        = string
}

variable "release_sha256" {
  description = "The tarball's checksum."
  type        = string
}

variable "worker_role" {
  description = "Name of the role of Airflow's workers, which gets the right to work with these clusters."
  type        = string
}
