variable "name" {
  description = "Name of the cluster; begins the names of its roles and groups."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,29}$", var.name))
    error_message = "Use a lowercase letter and up to 29 lowercase letters, digits and hyphens."
  }
}

variable "vpc_id" {
  description = "Network of the tasks; its DNS must be on."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the tasks."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "At least one subnet."
  }
}

variable "public_subnets" {
  description = "Whether the subnets have an internet gateway and no NAT: tasks get public addresses then, to pull images; nothing comes in by them."
  type        = bool
}

variable "buckets" {
  description = "Names of the buckets, as the storage module gives them."
  type = object({
    raw  = string
    lake = string
  })
}

variable "image" {
  description = "The image with all three programs, by tag or digest."
  type        = string

  validation {
    condition     = can(regex("[:@]", var.image)) && !endswith(var.image, ":latest")
    error_message = "Name a tag or a digest, and not latest: scheduler and executors have to match."
  }
}

variable "architecture" {
  description = "Architecture of the tasks; the image must have it."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.architecture)
    error_message = "Use X86_64 or ARM64."
  }
}

variable "metrics_image" {
  description = "Image of the CloudWatch agent, which publishes the scheduler's slots; by version, as a change of it would change the scheduler's task."
  type        = string
  default     = "public.ecr.aws/cloudwatch-agent/cloudwatch-agent:1.300066.1b1374"
}

variable "executor_vcpus" {
  description = "Processors and slots of an executor."
  type        = number
  default     = 4

  validation {
    condition     = contains([1, 2, 4, 8, 16], var.executor_vcpus)
    error_message = "Fargate has 1, 2, 4, 8 or 16."
  }
}

variable "executor_memory_mb" {
  description = "Memory of an executor; 2 GiB for each slot go far (docs/sizing.md)."
  type        = number
  default     = 8192

  validation {
    condition = (
      var.executor_memory_mb % 1024 == 0 &&
      var.executor_memory_mb >= 2048 * var.executor_vcpus &&
      var.executor_memory_mb <= 8192 * var.executor_vcpus
    )
    error_message = "Fargate takes whole GiB, from 2 to 8 for each vCPU."
  }
}

variable "executor_disk_gb" {
  description = "Disk of an executor for shuffle and spill files."
  type        = number
  default     = 50

  validation {
    condition     = var.executor_disk_gb >= 21 && var.executor_disk_gb <= 200
    error_message = "Fargate takes 21 to 200."
  }
}

variable "executors" {
  description = "How many executors there are at least, the first of them on demand, and at most."
  type = object({
    min       = number
    max       = number
    on_demand = number
  })
  default = { min = 1, max = 8, on_demand = 1 }

  # Target tracking cannot multiply its way up from none.
  validation {
    condition     = var.executors.min >= (var.scaled_by == "cinemill" ? 0 : 1)
    error_message = "At least 1; none only where scaled_by is cinemill."
  }

  validation {
    condition     = var.executors.max >= max(var.executors.min, 1)
    error_message = "At least 1, and not below min."
  }

  validation {
    condition     = var.executors.on_demand >= 0 && var.executors.on_demand <= var.executors.max
    error_message = "From 0 to max."
  }
}

variable "scaled_by" {
  description = "Who follows the slots that runs want: cloudwatch by target tracking, which scales in without asking executors; or cinemill, a controller that drains them first and can go down to none."
  type        = string
  default     = "cloudwatch"

  validation {
    condition     = contains(["cloudwatch", "cinemill"], var.scaled_by)
    error_message = "Use cloudwatch or cinemill."
  }
}

variable "policy_arns" {
  description = "More policies for the tasks, by any name: that of the warehouse module, for loads."
  type        = map(string)
  default     = {}
}

variable "logs_days" {
  description = "How long CloudWatch keeps logs."
  type        = number
  default     = 30
}
