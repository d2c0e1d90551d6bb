"""The DAG that uses the provider's operators alone, on a cluster with a stand-in for cinemill."""

import json
import unittest

from support import FOLDER
from support.airflow import Airflow
from support.steps import StandIn
from support.world import deployment, good_source

DAG = "plain_emr_step"


class Plain(unittest.TestCase):
    def test_it_adds_a_step_and_watches_it(self) -> None:
        world = deployment()
        settings = world.settings("plain", good_source())
        cluster = StandIn()
        airflow = Airflow(
            FOLDER / "plain", world.redshift, world.environment | settings.environment
        )
        params = {"cluster_id": cluster.cluster, "input": "s3://raw/imdb", "output": "s3://lake/t"}
        airflow.run("dags", "test", DAG, "--conf", json.dumps(params))
        (step,) = world.emr.client.list_steps(ClusterId=cluster.cluster)["Steps"]
        self.assertEqual(step["Status"]["State"], "COMPLETED")
        words = step["Config"]["Args"]
        self.assertEqual(words[:3], ["/usr/local/bin/cinemill", "submit", "imdb_titles"])
        self.assertIn("--input=s3://raw/imdb", words)
        (run_id,) = (word for word in words if word.startswith("--run-id="))
        self.assertRegex(run_id, r"^--run-id=plain_emr_step-[A-Za-z0-9_.-]+$")


if __name__ == "__main__":
    unittest.main()
