variable "region" {
  description = "AWS region."
  type        = string
}

variable "name" {
  description = "Begins all names; those of the buckets have to be unique worldwide."
  type        = string
}

variable "vpc_id" {
  description = "Network of the cluster."
  type        = string
}

variable "subnet_id" {
  description = "Subnet of the cluster."
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

variable "autoscale" {
  description = "Fewest and most executors; their number stays where null."
  type        = object({ min = number, max = number })
  default     = null
}

variable "idle_hours" {
  description = "Hours without a run after which the cluster ends; never where null. Wants autoscale."
  type        = number
  default     = null
}
