variable "name" {
  description = "Name of the cluster; begins the names of its roles and groups."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z][a-zA-Z0-9-]{0,39}$", var.name))
    error_message = "Use a letter and up to 39 letters, digits and hyphens."
  }
}

variable "release_label" {
  description = "EMR release; 7.x, since the binaries need Amazon Linux 2023."
  type        = string
  default     = "emr-7.9.0"

  validation {
    condition     = can(regex("^emr-7\\.[0-9]+\\.[0-9]+$", var.release_label))
    error_message = "Use a release of EMR 7, such as emr-7.9.0."
  }
}

variable "vpc_id" {
  description = "Network of the cluster."
  type        = string
}

variable "subnet_id" {
  description = "Subnet of all nodes; it gets the tag that EMR's managed policy asks for."
  type        = string
}

variable "private_subnet" {
  description = "Whether the subnet has no route to an internet gateway; EMR wants one group more there."
  type        = bool
}

variable "buckets" {
  description = "Names of the buckets, as the storage module gives them."
  type = object({
    releases = string
    raw      = string
    lake     = string
    logs     = string
  })
}

variable "release_key" {
  description = "Key of the release's tarball in the bucket of releases."
  type        = string

  validation {
    condition     = can(regex("\\.tar\\.gz$", var.release_key))
    error_message = "Name a .tar.gz, as infra/package.sh makes it."
  }
}

variable "release_sha256" {
  description = "Checksum of the tarball; nodes refuse any other."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.release_sha256))
    error_message = "Use the 64 hexadecimal digits of the .sha256 file."
  }
}

variable "primary_type" {
  description = "Instance type of the primary, where the scheduler runs."
  type        = string
  default     = "m6i.xlarge"
}

variable "executor_type" {
  description = "Instance type of core and task nodes, of the release's architecture."
  type        = string
  default     = "m6i.xlarge"
}

variable "core_nodes" {
  description = "Executors that stay: on demand."
  type        = number
  default     = 1

  validation {
    condition     = var.core_nodes >= 1
    error_message = "EMR wants at least one core node."
  }
}

variable "task_nodes" {
  description = "Executors on spot instances at the beginning; later changes are left alone."
  type        = number
  default     = 2

  validation {
    condition     = var.task_nodes >= 0
    error_message = "Not less than none."
  }
}

variable "task_bid_usd" {
  description = "The most that an hour of a spot instance may cost; the on-demand price is a good one."
  type        = string
  default     = "0.20"

  validation {
    condition     = can(regex("^[0-9]+\\.[0-9]+$", var.task_bid_usd))
    error_message = "Use an amount such as 0.20."
  }
}

variable "disk_gb" {
  description = "Disk of a node for shuffle and spill files; docs/sizing.md says how much."
  type        = number
  default     = 100

  validation {
    condition     = var.disk_gb >= 20
    error_message = "At least 20 GB."
  }
}

variable "permanent" {
  description = "Whether there is a cluster all the time. If not, only what others need is made: cinemill cluster create makes clusters of the output cluster_file."
  type        = bool
  default     = true
}

variable "autoscale" {
  description = "Fewest and most executors, core nodes included; a controller on the primary changes their number as runs want slots. Null: the number stays."
  type        = object({ min = number, max = number })
  default     = null

  validation {
    condition = try(
      var.autoscale.min >= var.core_nodes && var.autoscale.max >= max(var.autoscale.min, 1),
      var.autoscale == null,
    )
    error_message = "Core nodes stay, so min cannot be below their number; and max cannot be below min."
  }
}

variable "idle_hours" {
  description = "After so many hours without a run the cluster ends; never where null."
  type        = number
  default     = null

  # EMR knows of runs by the marker that the controller keeps fresh.
  validation {
    condition     = var.idle_hours == null || var.autoscale != null
    error_message = "Only with autoscale: EMR would end a cluster in the middle of a run."
  }

  validation {
    condition     = try(var.idle_hours >= 0.5 && var.idle_hours <= 168, var.idle_hours == null)
    error_message = "From half an hour to a week."
  }
}

variable "policy_arns" {
  description = "More policies for the nodes, by any name: that of the warehouse module, for loads."
  type        = map(string)
  default     = {}
}

variable "logs_days" {
  description = "How long CloudWatch keeps logs."
  type        = number
  default     = 30
}
