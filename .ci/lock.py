"""Write requirements.lock and requirements-dev.lock from what is installed in this environment."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
RUNTIME_HEAD = "# Everything that runs on a board, the whole tree, at the versions that were tested."
DEV_HEAD = "# What `make test` needs beyond requirements.lock."


def main() -> None:
    """Follow the requirements of pyproject.toml through the installed packages and pin each one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    runtime = installed_tree(project["dependencies"])
    dev = installed_tree([*project["optional-dependencies"]["dev"], "editables"])  # hatchling asks for it to install -e
    write("requirements.lock", [RUNTIME_HEAD], runtime)
    write("requirements-dev.lock", [DEV_HEAD, "-r requirements.lock"], dev - runtime)


def installed_tree(requirements: list[str]) -> set[str]:
    """`name==version` of every installed package that these requirements lead to."""
    todo, pins = list(requirements), dict[str, str]()
    while todo:
        requirement = Requirement(todo.pop())
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name in pins or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found = metadata.distribution(name)
        pins[name] = f"{name}=={found.version}"
        todo += found.requires or []
    return set(pins.values())


def write(name: str, head: list[str], pins: set[str]) -> None:
    """One pin a line, sorted."""
    lines = [f"{head[0]} `make lock` writes this file.", *head[1:], *sorted(pins)]
    (ROOT / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
