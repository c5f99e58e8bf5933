"""What each client was shown to do, as the table in mock-bedrock/README.md.

Usage: table.py FOLDER [--renew]

FOLDER holds a file for each client, one line for each row that a case speaks for: ROW<tab>CASE. Without --renew the table
is compared with the committed one; a stale one is an error.
"""

import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
README = HERE.parent.parent / "mock-bedrock" / "README.md"
BEGIN, END = "<!-- conformance: made by scripts/conformance --renew -->", "<!-- /conformance -->"

ROWS = [
    "Converse",
    "ConverseStream",
    "InvokeModel",
    "InvokeModelWithResponseStream",
    "CountTokens",
    "tool use",
    "reasoning",
    "prompt cache",
    "ARNs as model ids",
    "profiles",
    "errors before the answer",
    "errors inside the stream",
    "retries, counted by the server",
    "timeouts",
    "signatures",
    "API keys",
    "ListFoundationModels, GetFoundationModel",
    "inference profiles: list, get",
    "inference profiles: create, delete",
    "provisioned throughput",
    "prompt routers",
    "invocation logging",
    "tags",
    "STS GetCallerIdentity",
    "Service Quotas",
    "CloudWatch",
    "CloudWatch Logs",
    "unknown operations",
]


def versions():
    """Each client's column, by the name of its file."""
    pip = dict(re.findall(r"^([\w-]+)==(\S+)$", (HERE / "python/requirements.txt").read_text(), re.M))
    npm = json.loads((HERE / "javascript/package.json").read_text())["dependencies"]
    lock = (HERE.parent.parent / "Cargo.lock").read_text()
    rust = re.search(r'name = "aws-sdk-bedrockruntime"\nversion = "(.+)"', lock).group(1)
    return {
        "boto3": f"boto3 {pip['boto3']}",
        "langchain": f"langchain-aws {pip['langchain-aws']}",
        "javascript": f"AWS SDK for JavaScript {npm['@aws-sdk/client-bedrock-runtime']}",
        "rust": f"AWS SDK for Rust {rust}",
    }


def counts(file):
    """How many cases speak for each row."""
    if not file.exists():
        sys.exit(f"!! {file} is not there: that client's cases did not run")
    found = dict.fromkeys(ROWS, 0)
    for line in file.read_text().splitlines():
        row, case = line.split("\t")
        if row not in found:
            sys.exit(f"!! the case {case} speaks for the row {row!r}, which {__file__} does not know")
        found[row] += 1
    return found


def table(folder):
    columns = versions()
    shown = [counts(folder / f"{client}.tsv") for client in columns]
    lines = ["| operation or behaviour | " + " | ".join(columns.values()) + " |", "|---" * (len(columns) + 1) + "|"]
    for row in ROWS:
        if not any(found[row] for found in shown):
            sys.exit(f"!! no case speaks for the row {row!r}")
        lines.append(f"| {row} | " + " | ".join(str(found[row] or "") for found in shown) + " |")
    return "\n".join(lines)


def main():
    folder, *option = sys.argv[1:]
    before, _, rest = README.read_text().partition(BEGIN)
    committed, _, after = rest.partition(END)
    if not after:
        sys.exit(f"!! {README} lacks the marks of the table: {BEGIN} and {END}")
    made = f"\n\n{table(pathlib.Path(folder))}\n\n"
    if option == ["--renew"]:
        README.write_text(before + BEGIN + made + END + after)
        print(f"wrote the table in {README}")
    elif made != committed:
        sys.exit(f"!! the table in {README} is stale; renew it with:\n   scripts/conformance --renew")
    else:
        print("the committed table says what was shown")


if __name__ == "__main__":
    main()
