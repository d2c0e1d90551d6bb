"""An AWS for tests on this machine: moto's APIs, with real processes behind EMR and ECS."""
