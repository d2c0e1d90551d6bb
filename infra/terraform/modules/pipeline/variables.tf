variable "name" {
  description = "Name of the state machine; begins the names of its roles and rules."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z][a-zA-Z0-9-]{0,39}$", var.name))
    error_message = "Use a letter and up to 39 letters, digits and hyphens."
  }
}

variable "raw_bucket" {
  description = "Bucket that gets deliveries below incoming/<delivery>/; it must tell EventBridge."
  type        = string
}

variable "job" {
  description = "The job of cinemill's catalogue that is run for each delivery."
  type        = string
  default     = "imdb_titles"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]*$", var.job))
    error_message = "Use the name of a job."
  }
}

variable "output" {
  description = "Folder of the table, s3://bucket/folder."
  type        = string

  validation {
    condition     = can(regex("^s3://[^/]+/.+[^/]$", var.output))
    error_message = "Use s3://bucket/folder, without a slash at its end."
  }
}

variable "load_to" {
  description = "Warehouse into which the table is loaded afterwards, as redshift://workgroup/database; none where null."
  type        = string
  default     = null
}

variable "deadline_minutes" {
  description = "Time after which a run or a load is cancelled."
  type        = number
  default     = 120

  validation {
    condition     = var.deadline_minutes >= 1
    error_message = "At least one minute."
  }
}

variable "alarm_topic_arns" {
  description = "Topics that hear of deliveries that failed."
  type        = list(string)
  default     = []
}

variable "emr" {
  description = "The EMR cluster whose primary runs the commands; this or ecs."
  type        = object({ cluster_id = string })
  default     = null
}

variable "ecs" {
  description = "The module ecs' output client: commands run as tasks; this or emr."
  type = object({
    cluster_arn     = string
    task_definition = string
    container       = string
    role_arns       = list(string)
    subnet_ids      = list(string)
    security_group  = string
    public_subnets  = bool
  })
  default = null

  validation {
    condition     = (var.ecs == null) != (var.emr == null)
    error_message = "Give either emr or ecs."
  }
}
