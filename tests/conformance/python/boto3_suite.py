"""boto3 against mock-bedrock: everything that it can do.

Usage: boto3_suite.py ENDPOINT GUARDED_ENDPOINT AUTHORITY_FILE SHOWN_FILE
"""

import boto3_cloud  # noqa: F401
import boto3_control  # noqa: F401
import boto3_failures  # noqa: F401
import boto3_runtime  # noqa: F401
import suite

if __name__ == "__main__":
    suite.main()
