"""Makes the virtual environment that the Makefile works in, builds facula and installs it there.

Everything is done only when it is missing or out of date, so running this twice costs a fraction of a second.
Needs Python's standard library and a C++ compiler; CMake and Ninja come from PyPI where the system has none.

    python3 tools/setup_env.py --venv .venv --extras test
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMP = "facula-setup.json"
SOURCES = ["CMakeLists.txt", "pyproject.toml", "README.md", "LICENSE", "cmake", "src", "facula"]


def fail(text: str) -> None:
    sys.exit(f"setup: {text}")


def run(*command: str | Path) -> None:
    print("+", *command, flush=True)
    if subprocess.run([str(c) for c in command], cwd=ROOT).returncode != 0:
        fail(f"failed: {' '.join(map(str, command))}")


def check_machine() -> None:
    if sys.version_info < (3, 10):  # noqa: UP036  this file runs before pyproject.toml is looked at
        fail(f"Python 3.10 or newer is needed, this is {sys.version.split()[0]} ({sys.executable})")
    compiler = os.environ.get("CXX")
    if not any(shutil.which(c) for c in ([compiler] if compiler else ["c++", "g++", "clang++"])):
        fail(f"no C++ compiler: {compiler or 'c++, g++ and clang++'} not found; install one, or set CXX")


def works(python: Path) -> bool:
    """Whether the environment runs, in this Python's version: a moved folder or a new Python breaks it."""
    if not python.exists():
        return False
    probe = "import pip, sys; print(*sys.version_info[:2])"
    try:
        found = subprocess.run([python, "-c", probe], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return found.returncode == 0 and found.stdout.split() == [str(v) for v in sys.version_info[:2]]


def make_venv(venv: Path) -> Path:
    python = venv / "bin" / "python"
    if works(python):
        return python
    if venv.exists():
        if not (venv / "pyvenv.cfg").exists():
            fail(f"{venv} exists and is no virtual environment; remove it, or choose another with VENV=")
        print(f"setup: {venv} does not work any more; making it anew", flush=True)
        shutil.rmtree(venv)
    if importlib.util.find_spec("ensurepip"):
        run(sys.executable, "-m", "venv", venv)
    elif importlib.util.find_spec("virtualenv"):
        run(sys.executable, "-m", "virtualenv", venv)
    else:
        fail("this Python cannot make virtual environments (Debian and Ubuntu: apt install python3-venv)")
    return python


def pyproject(python: Path) -> tuple[list[str], dict[str, list[str]], list[str]]:
    """Build requirements, extras, run-time requirements."""  # Python 3.10 uses the parser in pip
    probe = (
        "import json, sys\n"
        "try: import tomllib\n"
        "except ModuleNotFoundError: from pip._vendor import tomli as tomllib\n"
        "print(json.dumps(tomllib.load(open(sys.argv[1], 'rb'))))\n"
    )
    command = [python, "-c", probe, ROOT / "pyproject.toml"]
    data = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    project = data["project"]
    return data["build-system"]["requires"], project["optional-dependencies"], project["dependencies"]


def digest() -> str:
    """Of the names, sizes and times of everything that the installed package is made from."""
    text = []
    for name in SOURCES:
        path = ROOT / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.suffix in {".so", ".pyc"} or not file.is_file():
                continue
            stat = file.stat()
            text.append(f"{file.relative_to(ROOT)} {stat.st_size} {stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(text).encode()).hexdigest()


def missing(python: Path, requirements: list[str]) -> list[str]:
    """The requirements that are not met, as pip itself sees it, without asking the network."""
    probe = (
        "import sys\n"
        "from importlib.metadata import version, PackageNotFoundError\n"
        "from pip._vendor.packaging.requirements import Requirement\n"
        "for text in sys.argv[1:]:\n"
        "    r = Requirement(text)\n"
        "    try: met = r.specifier.contains(version(r.name), prereleases=True)\n"
        "    except PackageNotFoundError: met = False\n"
        "    if not met: print(text)\n"
    )
    found = subprocess.run([python, "-c", probe, *requirements], capture_output=True, text=True, check=True)
    return found.stdout.splitlines()


def pip_install(python: Path, requirements: list[str]) -> None:
    needed = missing(python, requirements)
    if needed:
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *needed)


def install_build_tools(python: Path, build_requires: list[str]) -> None:
    pip_install(python, build_requires)
    # What else this machine needs: CMake and Ninja, unless new enough ones are installed.
    probe = "from scikit_build_core.build import get_requires_for_build_wheel as r; print(*r(), sep=chr(10))"
    extra = subprocess.run([python, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    pip_install(python, extra.stdout.split())


def install_facula(python: Path, venv: Path) -> None:
    stamp = venv / STAMP
    made_from = {"digest": digest(), "root": str(ROOT), "CXX": os.environ.get("CXX", "")}
    if stamp.exists() and json.loads(stamp.read_text()) == made_from and not missing(python, ["facula"]):
        return
    os.environ["PATH"] = f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"
    # Without isolation the tools stay where they are, so that CMake and Ninja rebuild only what changed.
    flags = [
        "--no-build-isolation",
        "--no-deps",
        "--force-reinstall",
        "--disable-pip-version-check",
        "--quiet",
    ]
    print("setup: compiling; the first time takes a few minutes", flush=True)
    run(python, "-m", "pip", "install", *flags, ".")
    link_extension(python)
    stamp.write_text(json.dumps(made_from))


def link_extension(python: Path) -> None:
    """Lets `import facula` work in the repository's root, where the source folder hides the installed one."""
    probe = "import sysconfig as s; print(s.get_path('platlib'), s.get_config_var('EXT_SUFFIX'))"
    platlib, suffix = subprocess.run([python, "-c", probe], capture_output=True, text=True).stdout.split()
    link = ROOT / "facula" / f"_C{suffix}"
    if link.is_symlink() or not link.exists():  # a development build's own file is left alone
        link.unlink(missing_ok=True)
        link.symlink_to(Path(platlib) / "facula" / link.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    parser.add_argument("--extras", nargs="*", default=[], help="names of optional dependencies")
    parser.add_argument("--no-facula", action="store_true", help="everything but the build and the install")
    arguments = parser.parse_args()
    venv = arguments.venv.absolute()
    check_machine()
    python = make_venv(venv)
    build_requires, extras, requires = pyproject(python)
    # One by one: exactly `pip install torch==2.13.0`, so that nothing else decides which one comes.
    for name in arguments.extras:
        pip_install(python, extras[name])
    pip_install(python, requires)
    install_build_tools(python, build_requires)
    if not arguments.no_facula:
        install_facula(python, venv)


if __name__ == "__main__":
    main()
