"""As whom commands act on AWS and in the warehouse: variables for their processes."""

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.common.compat.sdk import BaseHook


def environment(aws_conn_id: str, password_conn_id: str | None = None) -> dict[str, str]:
    variables = aws(aws_conn_id)
    if password_conn_id:
        password = BaseHook.get_connection(password_conn_id).password
        variables |= {"PGPASSWORD": password} if password else {}
    return variables


def aws(conn_id: str) -> dict[str, str]:
    """What the connection says. Where it names no identity, commands find the worker's own: that
    one is renewed while they run."""
    hook = AwsBaseHook(aws_conn_id=conn_id, client_type="s3")
    connection = hook.conn_config
    variables = {
        "AWS_REGION": connection.region_name,
        "AWS_ENDPOINT_URL": connection.endpoint_url,
    }
    if connection.aws_access_key_id or connection.role_arn:
        credentials = hook.get_credentials()
        variables |= {
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_SESSION_TOKEN": credentials.token,
        }
    return {name: value for name, value in variables.items() if value}
