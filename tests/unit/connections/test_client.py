"""The client is for programs outside: it brings none of the service with it."""

import subprocess
import sys

PROGRAM = """
import sys
import callboard.connections.client
print(*sorted({"boto3", "botocore", "psycopg", "aws_lambda_powertools"} & sys.modules.keys()))
"""


def test_the_client_imports_nothing_of_aws_or_the_database() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=True)

    assert run.stdout.split() == []
