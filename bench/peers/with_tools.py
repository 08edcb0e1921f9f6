"""Twenty heads of 512-64-10 over the same features with other pipeline tools: two stages a head, each a Python process as their users have it."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version

import numpy as np

HEADS = 20
ROWS = 2000


def title_of(package, how):
    try:
        return f"{package} {version(package.lower())}, {how}"
    except PackageNotFoundError as error:
        raise ImportError(package, name=package) from error


class Project:
    """A copy of `tools/` with features and labels, removed at exit."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="pipe-bench-")
        shutil.copytree(os.path.join(os.path.dirname(__file__), "tools"), self.folder.name, dirs_exist_ok=True)
        draws = np.random.default_rng(1)
        labels = draws.integers(0, 10, ROWS)
        features = draws.normal(size=(ROWS, 512)) + draws.normal(size=(10, 512))[labels]
        np.save(self.path("features.npy"), features.astype("float32"))
        np.save(self.path("labels.npy"), labels)
        self.base = 0.0

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def new_rates(self):
        """Twenty learning rates that were not tried yet."""
        self.base += 0.001
        return [f"{self.base + i * 1e-5:.5f}" for i in range(HEADS)]

    def call(self, *words):
        here = os.path.dirname(sys.executable)
        environment = {**os.environ, "PATH": f"{here}{os.pathsep}{os.environ['PATH']}"}
        subprocess.run(words, cwd=self.folder.name, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def check(self, metrics):
        with open(self.path(metrics)) as file:
            if not json.load(file)["log-loss"] < 2.3:
                raise ValueError("the head learned nothing")


def sweep_dvc():
    """`dvc repro` once a head, the quickest of DVC's ways."""
    title = title_of("DVC", "a loop of repro")
    project = Project()
    project.call("git", "init", "-q")
    project.call("dvc", "init", "-q")
    project.call("dvc", "config", "core.analytics", "false")

    def run():
        for rate in project.new_rates():
            with open(project.path("params.yaml"), "w") as file:
                file.write(f"rate: {rate}\n")
            project.call("dvc", "repro", "-q")
        project.check("metrics.json")

    return title, run


def sweep_snakemake():
    """One call, on all cores."""
    title = title_of("Snakemake", "one call")
    project = Project()

    def run():
        rates = project.new_rates()
        project.call("snakemake", "-q", "all", "--cores", str(os.cpu_count()), "--config", f"rates={':'.join(rates)}")
        project.check(f"metrics-{rates[-1]}.json")

    return title, run
