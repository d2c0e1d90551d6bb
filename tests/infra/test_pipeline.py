"""The state machine of the pipeline module: what it runs, and that each state leads somewhere."""

import http.server
import json
import threading
import unittest

from plans import OFFLINE
from support import TERRAFORM
from workspace import Terraform


class Pipeline(Terraform):
    def definition(self, runner: str) -> dict:
        """The state machine, from a plan in which everything is known.

        The provider has AWS check such a definition while it plans; what says yes here keeps it.
        """
        asked = []

        class Checker(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                answer = b'{"result": "OK", "diagnostics": [], "truncated": false}'
                self.send_response(200)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Checker)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()

        folder = self.folder / runner.split()[0]
        folder.mkdir()
        endpoint = f'endpoints {{ sfn = "http://127.0.0.1:{server.server_port}" }}'
        provider = OFFLINE.replace("{", f'{{\n  region = "eu-central-1"\n  {endpoint}\n', 1)
        module = f"""
            module "pipeline" {{
              source     = "{TERRAFORM / "modules/pipeline"}"
              name       = "films"
              raw_bucket = "films-raw"
              output     = "s3://films-lake/tables/films"
              load_to    = "redshift://films/lake"
              {runner}
            }}
        """
        (folder / "main.tf").write_text(provider + module)
        self.terraform("init", "-input=false", f"-plugin-dir={self.plugins()}", cwd=folder)
        self.terraform("plan", "-input=false", "-refresh=false", cwd=folder)
        return json.loads(asked[-1]["definition"])

    def test_pipeline(self) -> None:
        emr = 'emr = { cluster_id = "j-1" }'
        ecs = """ecs = {
          cluster_arn = "arn:cluster", task_definition = "arn:task:1", container = "client"
          role_arns = ["arn:role"], subnet_ids = ["subnet-1"], security_group = "sg-1"
          public_subnets = true
        }"""
        for runner in [emr, ecs]:
            with self.subTest(runner.split()[0]):
                machine = self.definition(runner)
                self.every_state_is_there(machine)
                run = json.dumps(machine["States"]["Run"]["Arguments"])
                self.assertIn('"submit", "imdb_titles"', run)
                self.assertIn('"{% $run_id %}"', run)
                load = json.dumps(machine["States"]["Load"]["Arguments"])
                self.assertIn("redshift://films/lake", load)
                # Whatever fails, the files are moved.
                for state in ["Run", "Load"]:
                    (catch,) = machine["States"][state]["Catch"]
                    self.assertEqual(catch["Next"], "List")
                    self.assertEqual(catch["Assign"]["target"], "failed")

    def every_state_is_there(self, machine: dict) -> None:
        states = machine["States"]
        named = {machine["StartAt"]}
        for state in states.values():
            branches = [state, *state.get("Choices", []), *state.get("Catch", [])]
            named |= {branch["Next"] for branch in branches if "Next" in branch}
            named |= {state["Default"]} if "Default" in state else set()
            if "ItemProcessor" in state:
                self.every_state_is_there(state["ItemProcessor"])
        self.assertEqual(named, set(states))


if __name__ == "__main__":
    unittest.main()
