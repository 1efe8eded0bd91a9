"""Makes the table and the chart of what bench.py measured."""
import json


def write(result, folder):
    (folder / "results.json").write_text(json.dumps(result, indent=1, default=str) + "\n")
