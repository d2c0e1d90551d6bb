locals {
  # AWS' policy for EMR covers only what bears this tag.
  managed_tag = { "for-use-with-amazon-emr-managed-policies" = "true" }

  # Clusters of this module, the permanent one and those of cluster_file.
  own_clusters = "arn:aws:elasticmapreduce:${data.aws_region.this.name}:*:cluster/*"
  is_own       = { StringEquals = { "elasticmapreduce:ResourceTag/cinemill" = var.name } }
}

# --- EMR itself --------------------------------------------------------------------------------

resource "aws_iam_role" "service" {
  name = "${var.name}-emr-service"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "elasticmapreduce.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "service" {
  role       = aws_iam_role.service.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2"
}

resource "aws_iam_role_policy" "pass_nodes" {
  name = "pass-node-role"
  role = aws_iam_role.service.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = aws_iam_role.nodes.arn
      Condition = { StringLike = { "iam:PassedToService" = "ec2.amazonaws.com*" } }
    }]
  })
}

# --- the nodes ---------------------------------------------------------------------------------

resource "aws_iam_role" "nodes" {
  name = "${var.name}-emr-nodes"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_instance_profile" "nodes" {
  name = "${var.name}-emr-nodes"
  role = aws_iam_role.nodes.name
}

resource "aws_iam_role_policy" "nodes" {
  name = "cinemill"
  role = aws_iam_role.nodes.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "List"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:GetBucketLocation"]
        Resource = [for bucket in values(var.buckets) : "arn:aws:s3:::${bucket}"]
      },
      {
        Sid    = "Read"
        Effect = "Allow"
        Action = "s3:GetObject"
        Resource = [
          "arn:aws:s3:::${var.buckets.releases}/*",
          "arn:aws:s3:::${var.buckets.raw}/*",
        ]
      },
      {
        Sid    = "PublishTables"
        Effect = "Allow"
        Action = [
          "s3:GetObject",
          "s3:PutObject",
          "s3:DeleteObject",
          "s3:AbortMultipartUpload",
          "s3:ListMultipartUploadParts",
        ]
        Resource = "arn:aws:s3:::${var.buckets.lake}/*"
      },
      {
        # cinemill gc looks for unfinished uploads.
        Sid      = "FindUploads"
        Effect   = "Allow"
        Action   = "s3:ListBucketMultipartUploads"
        Resource = "arn:aws:s3:::${var.buckets.lake}"
      },
      {
        # EMR's log pusher uses the nodes' identity.
        Sid      = "PushLogs"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = "arn:aws:s3:::${var.buckets.logs}/emr/*"
      },
      {
        Sid      = "StreamLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.this.arn}:*"
      },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "nodes" {
  for_each   = var.policy_arns
  role       = aws_iam_role.nodes.name
  policy_arn = each.value
}

# The controller on the primary, and cinemill scale as a step.
resource "aws_iam_role_policy" "scale" {
  name = "scale"
  role = aws_iam_role.nodes.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = [
        "elasticmapreduce:DescribeCluster",
        "elasticmapreduce:ListInstanceGroups",
        "elasticmapreduce:ListInstances",
        "elasticmapreduce:ModifyInstanceGroups",
      ]
      Resource  = local.own_clusters
      Condition = local.is_own
    }]
  })
}
