"""What the DAGs of cinemill are built from: docs/airflow.md."""
