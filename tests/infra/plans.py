"""Plans without an account and without an endpoint."""

import json

from workspace import Terraform

# What makes the provider plan without an account.
OFFLINE = """
provider "aws" {
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}
"""


class Plan(Terraform):
    def plan(self, example: str, variables: dict) -> dict:
        folder = self.example(example, OFFLINE, variables)
        self.terraform("validate", cwd=folder)
        self.terraform("plan", "-input=false", "-refresh=false", "-out=plan", cwd=folder)
        return json.loads(self.terraform("show", "-json", "plan", cwd=folder))
