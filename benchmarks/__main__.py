"""``python -m benchmarks [NAME ...]``: run all benchmarks, or those named."""

from __future__ import annotations

import importlib
import sys

from benchmarks.common import machine

NAMES = (
    "startup",
    "job_start",
    "ray_start",
    "small_job",
    "script_mode",
    "distributed",
    "spark",
    "sdk",
    "large_job",
    "linear_learner",
    "kmeans",
    "pca",
    "knn",
    "random_cut_forest",
    "factorization_machines",
    "ip_insights",
    "pipe_mode",
    "input_modes",
    "tuning",
    "hyperband",
    "invoke",
    "describe",
    "list_jobs",
    "s3_listing",
    "s3_small",
    "s3_large",
)


def main(names: list[str]) -> int:
    unknown = set(names) - set(NAMES)
    if unknown:
        print(f"no benchmark named {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
        return 2
    print(machine())
    for name in names or NAMES:
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"\n{name}: {module.__doc__.splitlines()[0]}")
        for line in module.run():
            print(f"  {line}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
