variable "region" {
  description = "AWS region."
  type        = string
}

variable "name" {
  description = "Begins all names; those of the buckets have to be unique worldwide."
  type        = string
}

variable "vpc_id" {
  description = "Network of the tasks."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the tasks."
  type        = list(string)
}

variable "public_subnets" {
  description = "Whether the subnets have an internet gateway and no NAT."
  type        = bool
  default     = true
}

variable "image_tag" {
  description = "Tag of the image in the repository that is made here."
  type        = string
}

variable "scaled_by" {
  description = "Who changes the number of executors: cloudwatch or cinemill."
  type        = string
  default     = "cloudwatch"
}

variable "executors" {
  description = "How many executors there are at least, the first of them on demand, and at most."
  type        = object({ min = number, max = number, on_demand = number })
  default     = { min = 1, max = 8, on_demand = 1 }
}
