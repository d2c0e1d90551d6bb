# The CloudWatch agent beside the scheduler reads /metrics and publishes the slots. Executors follow
# them by target tracking, or a controller beside the scheduler looks at them itself.
locals {
  by_cloudwatch = var.scaled_by == "cloudwatch"

  # In a list of one or none.
  controllers = [for container in [local.controller] : container if !local.by_cloudwatch]

  controller = {
    name       = "autoscale"
    image      = var.image
    essential  = false
    entryPoint = ["/usr/local/bin/cinemill"]
    command = [
      "autoscale",
      "--target", "ecs",
      "--cluster", var.name,
      "--scheduler", "127.0.0.1:50050",
      "--min", tostring(var.executors.min),
      "--max", tostring(var.executors.max),
      "--slots-per-executor", tostring(var.executor_vcpus),
    ]
    environment = local.environment
    # The scheduler goes on without it.
    restartPolicy = { enabled = true }
    dependsOn     = [{ containerName = "scheduler", condition = "HEALTHY" }]
    logConfiguration = {
      logDriver = "awslogs"
      options   = merge(local.logs, { "awslogs-stream-prefix" = "autoscale" })
    }
  }

  metrics_namespace = "cinemill"

  metrics_container = {
    name      = "metrics"
    image     = var.metrics_image
    essential = false
    environment = [
      {
        name = "PROMETHEUS_CONFIG_CONTENT"
        value = yamlencode({
          global = { scrape_interval = "15s", scrape_timeout = "10s" }
          scrape_configs = [{
            job_name       = "cinemill"
            static_configs = [{ targets = ["127.0.0.1:50050"], labels = { cluster = var.name } }]
          }]
        })
      },
      {
        name = "CW_CONFIG_CONTENT"
        value = jsonencode({
          agent = { region = data.aws_region.this.name }
          logs = {
            metrics_collected = {
              prometheus = {
                prometheus_config_path = "env:PROMETHEUS_CONFIG_CONTENT"
                log_group_name         = aws_cloudwatch_log_group.metrics.name
                emf_processor = {
                  metric_namespace = local.metrics_namespace
                  metric_declaration = [{
                    source_labels    = ["job"]
                    label_matcher    = "^cinemill$"
                    dimensions       = [["cluster"]]
                    metric_selectors = ["^cinemill_(task_slots.*|tasks_.*|oldest_.*)$"]
                  }]
                }
              }
            }
            force_flush_interval = 5
          }
        })
      },
    ]
    # It asks a scheduler that listens.
    dependsOn = [{ containerName = "scheduler", condition = "HEALTHY" }]
    logConfiguration = {
      logDriver = "awslogs"
      options   = merge(local.logs, { "awslogs-stream-prefix" = "metrics" })
    }
  }
}

resource "aws_cloudwatch_log_group" "metrics" {
  name              = "/cinemill/${var.name}/metrics"
  retention_in_days = 3
}

resource "aws_appautoscaling_target" "executors" {
  count = local.by_cloudwatch ? 1 : 0

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.executor.name}"
  min_capacity       = var.executors.min
  max_capacity       = var.executors.max
}

# Slots that could be busy, in per cent of those that there are: 200 doubles the executors, 50
# halves them. A service that has no slots yet counts as one with one slot.
resource "aws_appautoscaling_policy" "slots" {
  count = local.by_cloudwatch ? 1 : 0

  name               = "${var.name}-slots"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.executors[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.executors[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.executors[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = 100
    scale_out_cooldown = 60
    # Leaving costs a drain, coming back costs a minute: wait until a lull is more than the gap
    # between two stages.
    scale_in_cooldown = 300

    customized_metric_specification {
      metrics {
        id          = "load"
        label       = "slots wanted, per cent of those there are"
        expression  = "100 * wanted / IF(slots > 0, slots, 1)"
        return_data = true
      }

      dynamic "metrics" {
        for_each = { wanted = "cinemill_task_slots_wanted", slots = "cinemill_task_slots" }

        content {
          id          = metrics.key
          return_data = false

          metric_stat {
            stat = "Average"

            metric {
              namespace   = local.metrics_namespace
              metric_name = metrics.value

              dimensions {
                name  = "cluster"
                value = var.name
              }
            }
          }
        }
      }
    }
  }
}
