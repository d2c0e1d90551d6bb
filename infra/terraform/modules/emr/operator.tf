# Who makes clusters, resizes and ends them, and adds steps to them: an Airflow worker, or people with
# the command line. It stages raw files, reads tables and logs, and loads tables (with the policy of
# the warehouse module besides).
resource "aws_iam_policy" "operator" {
  name        = "${var.name}-emr-operator"
  description = "Work with the EMR clusters of ${var.name}"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # What is made bears the tags, and what bears them may be made.
        Sid      = "Create"
        Effect   = "Allow"
        Action   = ["elasticmapreduce:AddTags", "elasticmapreduce:RunJobFlow"]
        Resource = "*"
        Condition = {
          StringEquals = { for key, value in local.tags : "elasticmapreduce:RequestTag/${key}" => value }
        }
      },
      {
        Sid    = "Operate"
        Effect = "Allow"
        Action = [
          "elasticmapreduce:AddJobFlowSteps",
          "elasticmapreduce:CancelSteps",
          "elasticmapreduce:DescribeCluster",
          "elasticmapreduce:DescribeStep",
          "elasticmapreduce:ListInstanceGroups",
          "elasticmapreduce:ListInstances",
          "elasticmapreduce:ListSteps",
          "elasticmapreduce:ModifyInstanceGroups",
          "elasticmapreduce:TerminateJobFlows",
        ]
        Resource  = local.own_clusters
        Condition = local.is_own
      },
      {
        # Clusters are found by their names; a list knows no resources.
        Sid      = "Find"
        Effect   = "Allow"
        Action   = "elasticmapreduce:ListClusters"
        Resource = "*"
      },
      {
        Sid       = "PassServiceRole"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = aws_iam_role.service.arn
        Condition = { StringLike = { "iam:PassedToService" = "elasticmapreduce.amazonaws.com*" } }
      },
      {
        Sid       = "PassNodeRole"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = aws_iam_role.nodes.arn
        Condition = { StringLike = { "iam:PassedToService" = "ec2.amazonaws.com*" } }
      },
      {
        Sid      = "List"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        Resource = [for name in ["raw", "lake", "logs"] : "arn:aws:s3:::${var.buckets[name]}"]
      },
      {
        Sid      = "ReadLogs"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "arn:aws:s3:::${var.buckets.logs}/emr/*"
      },
      {
        # cinemill stage replaces files; cinemill load puts a list of files beside the table.
        Sid    = "StageAndLoad"
        Effect = "Allow"
        Action = [
          "s3:AbortMultipartUpload",
          "s3:DeleteObject",
          "s3:GetObject",
          "s3:ListMultipartUploadParts",
          "s3:PutObject",
        ]
        Resource = [
          "arn:aws:s3:::${var.buckets.raw}/*",
          "arn:aws:s3:::${var.buckets.lake}/*",
        ]
      },
    ]
  })
}
