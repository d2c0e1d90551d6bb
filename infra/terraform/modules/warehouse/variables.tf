variable "name" {
  description = "Name of namespace and workgroup; begins the names of roles and alarms."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,39}$", var.name))
    error_message = "Use a lowercase letter and 2 to 39 lowercase letters, digits and hyphens."
  }
}

variable "database" {
  description = "The first database."
  type        = string
  default     = "lake"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,63}$", var.database))
    error_message = "Use lowercase letters, digits and underscores."
  }
}

variable "lake_bucket" {
  description = "Bucket with the published tables, in the same region."
  type        = string
}

variable "lake_prefix" {
  description = "Folder of the lake below which COPY may read, without a slash at its end."
  type        = string
  default     = "tables"

  validation {
    condition     = can(regex("^[^/].*[^/]$", var.lake_prefix))
    error_message = "Name a folder, without slashes around it."
  }
}

variable "vpc_id" {
  description = "Network of the warehouse."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets in three availability zones; Redshift Serverless wants that many."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 3
    error_message = "At least three."
  }
}

variable "base_rpus" {
  description = "Capacity with which questions begin; billed by the second while one runs."
  type        = number
  default     = 8

  validation {
    condition     = var.base_rpus >= 8 && var.base_rpus % 8 == 0
    error_message = "A multiple of 8."
  }
}

variable "rpu_hours_per_day" {
  description = "Use of a day from which on no more questions are taken until the next."
  type        = number
  default     = 24

  validation {
    condition     = var.rpu_hours_per_day >= 1
    error_message = "At least 1."
  }
}

variable "budget_usd" {
  description = "What the whole account may cost in a month before somebody is told."
  type        = number
  default     = 200

  validation {
    condition     = var.budget_usd > 0
    error_message = "More than nothing."
  }
}

variable "alarm_email" {
  description = "Who is told; AWS asks for a confirmation by mail."
  type        = string

  validation {
    condition     = can(regex("^[^@ ]+@[^@ ]+$", var.alarm_email))
    error_message = "Use an address."
  }
}
