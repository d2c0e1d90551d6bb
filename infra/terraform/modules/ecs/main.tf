data "aws_region" "this" {}

locals {
  scheduler_host = "scheduler.${aws_service_discovery_private_dns_namespace.this.name}"
  scheduler      = "${local.scheduler_host}:50050"
  environment = [
    { name = "AWS_REGION", value = data.aws_region.this.name },
    { name = "CINEMILL_LOG_FORMAT", value = "json" },
  ]
  # Everything but the stream's prefix.
  logs = {
    "awslogs-group"  = aws_cloudwatch_log_group.this.name
    "awslogs-region" = data.aws_region.this.name
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/cinemill/${var.name}"
  retention_in_days = var.logs_days
}

resource "aws_ecs_cluster" "this" {
  name = var.name
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

# --- scheduler ---------------------------------------------------------------------------------

resource "aws_ecs_task_definition" "scheduler" {
  family                   = "${var.name}-scheduler"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 1024
  memory                   = 2048
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.control.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  container_definitions = jsonencode(concat([
    {
      name       = "scheduler"
      image      = var.image
      essential  = true
      entryPoint = ["/usr/local/bin/cinemill-scheduler"]
      command = [
        "--bind-host", "0.0.0.0",
        "--external-host", local.scheduler_host,
        "--state-dir", "s3://${var.buckets.lake}/_cinemill/${var.name}",
      ]
      # Executors come within a minute or so, should there be none.
      environment = concat(local.environment, [
        { name = "CINEMILL_EXECUTOR_WAIT_S", value = "300" },
      ])
      portMappings = [{ containerPort = 50050, protocol = "tcp" }]
      stopTimeout  = 120
      # It serves once it has its ledger: after 20 s, where the one before died.
      healthCheck = {
        command     = ["CMD", "/usr/local/bin/cinemill", "executors"]
        interval    = 10
        timeout     = 5
        retries     = 3
        startPeriod = 60
      }
      logConfiguration = {
        logDriver = "awslogs"
        options   = merge(local.logs, { "awslogs-stream-prefix" = "scheduler" })
      }
    },
    local.metrics_container,
  ], local.controllers))
}

resource "aws_ecs_service" "scheduler" {
  name            = "scheduler"
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.scheduler.arn
  desired_count   = 1

  # The old one leaves before the new one comes: one scheduler at a time may use the ledger.
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    weight            = 1
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [aws_security_group.this.id]
    assign_public_ip = var.public_subnets
  }

  service_registries {
    registry_arn = aws_service_discovery_service.scheduler.arn
  }

  # Rights before tasks, and until the last one is gone.
  depends_on = [
    aws_ecs_cluster_capacity_providers.this,
    aws_iam_role_policy.data,
    aws_iam_role_policy.metrics,
    aws_iam_role_policy.operate,
    aws_iam_role_policy_attachment.execution,
  ]
}

# --- executors ---------------------------------------------------------------------------------

resource "aws_ecs_task_definition" "executor" {
  family                   = "${var.name}-executor"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.executor_vcpus * 1024
  memory                   = var.executor_memory_mb
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.executor.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  ephemeral_storage {
    size_in_gib = var.executor_disk_gb
  }

  container_definitions = jsonencode([{
    name       = "executor"
    image      = var.image
    essential  = true
    entryPoint = ["/usr/local/bin/cinemill-executor"]
    # 110 s to drain: Fargate kills after 120, the notice for spot tasks included, which is
    # SIGTERM here.
    command = [
      "--scheduler", local.scheduler,
      "--bind-host", "0.0.0.0",
      "--port", "50051",
      "--grpc-port", "50052",
      "--vcores", tostring(var.executor_vcpus),
      "--memory-mb", tostring(floor(var.executor_memory_mb * 0.9)),
      "--drain-deadline-s", "110",
    ]
    environment = local.environment
    portMappings = [
      { containerPort = 50051, protocol = "tcp" },
      { containerPort = 50052, protocol = "tcp" },
    ]
    stopTimeout = 120
    # No health check: an executor that is of no use ends by itself, and the only thing to ask, the
    # scheduler, would have all of them killed while it is away.
    logConfiguration = {
      logDriver = "awslogs"
      options   = merge(local.logs, { "awslogs-stream-prefix" = "executor" })
    }
  }])
}

resource "aws_ecs_service" "executor" {
  name            = "executor"
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.executor.arn
  desired_count   = var.executors.min

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = var.executors.on_demand
    weight            = 0
  }

  capacity_provider_strategy {
    capacity_provider = "FARGATE_SPOT"
    weight            = 1
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [aws_security_group.this.id]
    assign_public_ip = var.public_subnets
  }

  # Autoscaling sets it.
  lifecycle {
    ignore_changes = [desired_count]
  }

  depends_on = [
    aws_ecs_cluster_capacity_providers.this,
    aws_iam_role_policy.data,
    aws_iam_role_policy.protect,
    aws_iam_role_policy_attachment.execution,
  ]
}

# --- clients -----------------------------------------------------------------------------------

# `cinemill` itself, for one command: aws ecs run-task with an override, or the pipeline module.
resource "aws_ecs_task_definition" "client" {
  family                   = "${var.name}-client"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.control.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  container_definitions = jsonencode([{
    name       = "client"
    image      = var.image
    essential  = true
    entryPoint = ["/usr/local/bin/cinemill"]
    command    = ["executors"]
    environment = concat(local.environment, [
      { name = "CINEMILL_SCHEDULER", value = local.scheduler },
    ])
    stopTimeout = 120
    logConfiguration = {
      logDriver = "awslogs"
      options   = merge(local.logs, { "awslogs-stream-prefix" = "client" })
    }
  }])
}
