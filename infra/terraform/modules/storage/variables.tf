variable "name" {
  description = "Begins the buckets' names (<name>-raw, …), which have to be unique worldwide."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{2,48}[a-z0-9]$", var.name))
    error_message = "Use 4 to 50 lowercase letters, digits and hyphens."
  }
}

variable "versions_days" {
  description = "How long deleted and overwritten raw files and releases can be brought back."
  type        = number
  default     = 30

  validation {
    condition     = var.versions_days >= 1
    error_message = "At least one day."
  }
}

variable "logs_days" {
  description = "How long logs are kept."
  type        = number
  default     = 90

  validation {
    condition     = var.logs_days >= 1
    error_message = "At least one day."
  }
}

variable "destroy_with_content" {
  description = "Let terraform destroy delete buckets that are not empty. For trials only."
  type        = bool
  default     = false
}
