"""`apply` and `destroy` of the examples against the local AWS, with schedulers and executors that run.

    python3 -m unittest discover -s tests/infra -p test_apply.py

Needs what test_plans.py needs, the packages of the local AWS, and the binaries (CINEMILL_PROGRAMS).
"""

import json
import unittest

from local import Local


class Apply(Local):
    def release(self, bucket: str) -> dict:
        """Puts a release into the bucket; the variables that name it."""
        from fixtures import release

        packed, sha256 = release()
        self.aws.client("s3").upload_file(str(packed), bucket, packed.name)
        return {"release_key": packed.name, "release_sha256": sha256}

    def test_emr(self) -> None:

        network = self.network()
        network["subnet_id"] = network.pop("subnet_ids")[0]
        scaling = {"autoscale": {"min": 3, "max": 5}, "idle_hours": 1}
        nothing = {"release_key": "none.tar.gz", "release_sha256": "0" * 64}
        folder = self.local("emr", **network, **nothing, **scaling)
        storage = self.apply(folder, "-target=module.storage")
        self.assertEqual(self.processes(), [])
        variables = network | scaling | self.release(storage["buckets"]["releases"])
        (folder / "test.auto.tfvars.json").write_text(json.dumps(variables))
        outputs = self.apply(folder)
        print(outputs)


if __name__ == "__main__":
    unittest.main()
