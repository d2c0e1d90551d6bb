"""ECS: services and tasks whose containers are real processes."""
