# --- the role that reads for COPY --------------------------------------------------------------

resource "aws_iam_role" "copy" {
  name = "${var.name}-redshift-copy"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"] }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "copy" {
  name = "read-tables"
  role = aws_iam_role.copy.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "arn:aws:s3:::${var.lake_bucket}/${var.lake_prefix}/*"
      },
      {
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = "arn:aws:s3:::${var.lake_bucket}"
        Condition = { StringLike = { "s3:prefix" = "${var.lake_prefix}/*" } }
      },
      {
        Effect   = "Allow"
        Action   = "s3:GetBucketLocation"
        Resource = "arn:aws:s3:::${var.lake_bucket}"
      },
    ]
  })
}

# --- warehouse ---------------------------------------------------------------------------------

resource "aws_redshiftserverless_namespace" "this" {
  namespace_name = var.name
  db_name        = var.database
  admin_username = "warehouse_admin"
  # Made, kept and rotated by Secrets Manager; neither Terraform nor its state sees it.
  manage_admin_password = true
  iam_roles             = [aws_iam_role.copy.arn]
  # cinemill load says IAM_ROLE default.
  default_iam_role_arn = aws_iam_role.copy.arn
  log_exports          = ["connectionlog", "userlog"]
}

# Loads come by the Data API, over HTTPS and IAM. Whoever wants the wire protocol adds a rule for
# port 5439.
resource "aws_security_group" "this" {
  name        = "${var.name}-redshift"
  description = "cinemill: the warehouse; nothing comes in"
  vpc_id      = var.vpc_id
}

resource "aws_redshiftserverless_workgroup" "this" {
  workgroup_name      = var.name
  namespace_name      = aws_redshiftserverless_namespace.this.namespace_name
  base_capacity       = var.base_rpus
  subnet_ids          = var.subnet_ids
  security_group_ids  = [aws_security_group.this.id]
  publicly_accessible = false
}

resource "aws_redshiftserverless_usage_limit" "day" {
  resource_arn  = aws_redshiftserverless_workgroup.this.arn
  usage_type    = "serverless-compute"
  amount        = var.rpu_hours_per_day
  period        = "daily"
  breach_action = "deactivate"
}

# --- who loads ---------------------------------------------------------------------------------

# For the nodes or tasks that run cinemill load.
resource "aws_iam_policy" "load" {
  name        = "${var.name}-redshift-load"
  description = "Load tables into ${var.name} by the Data API"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Action = [
          "redshift-data:BatchExecuteStatement",
          "redshift-data:ExecuteStatement",
          "redshift-serverless:GetCredentials",
        ]
        Resource = aws_redshiftserverless_workgroup.this.arn
      },
      {
        # These know no resources, but whose statement it is.
        Effect = "Allow"
        Action = [
          "redshift-data:CancelStatement",
          "redshift-data:DescribeStatement",
          "redshift-data:GetStatementResult",
        ]
        Resource  = "*"
        Condition = { StringEquals = { "redshift-data:statement-owner-iam-userid" = "$${aws:userid}" } }
      },
    ]
  })
}
