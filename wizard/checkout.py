"""A folder on this computer with a repository in it, read as it is: nothing is written, nothing goes over a network.

In a git checkout the files are those that git knows or would take up, and there is more to look at: what is staged, and
the commits that have not been pushed. Elsewhere they are all files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wizard import localgit
from wizard.errors import ExitCode, WizardError
from wizard.localgit import Git

FEW = 50_000  # files; more is not a repository of this kind
LARGE = 5_000_000  # bytes of a YAML file that are still read
LARGEST = 1_000_000  # ... of any other file
YAML = (".yaml", ".yml")


class BadFolder(WizardError):
    """There is nothing to look at where the person said."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Version:
    """Another version of a file: the one that is staged, or one in a commit that has not been pushed."""

    at: str  # "staged", or the commit's id
    path: str
    text: str


@dataclass(frozen=True)
class Checkout:
    """`files` by their path below `folder`; those without text to look into have an empty one.

    `unread` says which YAML files could not be read, and why. `versions` are what git has beside the files.
    """

    folder: Path
    files: Mapping[str, str]
    unread: Mapping[str, str] = field(default_factory=dict)
    versions: tuple[Version, ...] = ()


def read(path: Path) -> Checkout:
    """The folder at `path`. Raises `BadFolder` when it is none, can't be read, or holds no YAML."""
    folder = _folder(path)
    git = localgit.at(folder)
    names = git.names() if git else list(_walk(folder))
    if len(names) > FEW:
        raise BadFolder(f"{folder} holds {len(names)} files.", "No repository of this kind does.", "Name its folder.")
    files: dict[str, str] = {}
    unread: dict[str, str] = {}
    for name in names:
        text, why = _text(folder / name, name)
        if text is not None:
            files[name] = text
        if why:
            unread[name] = why
    return _worth(Checkout(folder, files, unread, tuple(_versions(git, git.outgoing())) if git else ()))


def read_pushed(path: Path, lines: Sequence[str]) -> list[Checkout]:
    """What git is about to push, one checkout for each branch; `lines` are what it tells a pre-push hook.

    Raises `BadFolder` when `path` is no git checkout.
    """
    folder = _folder(path)
    git = localgit.at(folder)
    if git is None:
        raise BadFolder(f"{folder} is no git checkout.", "Only from one can be pushed.", "Name its topmost folder.")
    found: list[Checkout] = []
    for line in lines:
        words = line.split()
        if len(words) == 4 and set(words[1]) != {"0"}:  # all zeros: a branch is being deleted
            blobs = {name: text or "" for name, text in git.tree(words[1]).items()}
            commits = git.outgoing(words[1], words[3])
            found.append(Checkout(folder, blobs, {}, tuple(_versions(git, commits))))
    return found


def _folder(path: Path) -> Path:
    try:
        if path.is_dir():
            return path.resolve()
        there = path.exists()
    except (OSError, RuntimeError) as error:
        raise BadFolder(f"{path} can't be looked at.", f"{error}.", "Name the repository's folder.") from None
    if there:
        raise BadFolder(f"{path} is a file.", "A repository is a folder.", f"Name its folder: {path.parent}")
    raise BadFolder(f"There is no folder {path}.", "", "Is it spelt right? Name the repository's topmost folder.")


def _worth(checkout: Checkout) -> Checkout:
    if not any(name.endswith(YAML) for name in (*checkout.files, *checkout.unread)):
        raise BadFolder(
            f"There is no YAML file in {checkout.folder}.", "A repository for Flux is made of them.",
            "Name the repository's topmost folder.",
        )  # fmt: skip
    return checkout


def _walk(folder: Path) -> Iterator[str]:
    """Every file below, but for git's own folder; symbolic links to folders are not followed."""

    def failed(error: OSError) -> None:
        if error.filename == str(folder):
            raise BadFolder(f"{folder} can't be read.", f"{error.strerror}.", "May you read it?") from None

    for here, folders, files in os.walk(folder, onerror=failed):
        folders[:] = sorted(name for name in folders if name != ".git")
        inside = Path(here).relative_to(folder)
        for number, name in enumerate(sorted(files)):
            if number > FEW:
                raise BadFolder(f"{here} holds more than {FEW} files.", "", "Name the repository's folder.")
            yield (inside / name).as_posix()


def _text(path: Path, name: str) -> tuple[str | None, str]:
    """The text of a file and why it could not be read. None: it is not there, or is no file of its own."""
    yaml = name.endswith(YAML)
    try:
        if path.is_symlink():
            return None, "it is a symbolic link, which Flux leaves out" if yaml else ""
        if not path.is_file():
            return None, ""
        size = path.stat().st_size
        if size > (LARGE if yaml else LARGEST):
            return "", f"it has {size // 1_000_000} MB, more than is looked at" if yaml else ""
        data = path.read_bytes()
    except OSError as error:
        return "", f"it can't be read ({error.strerror})" if yaml else ""
    return _decoded(data, yaml)


def _decoded(data: bytes, yaml: bool) -> tuple[str, str]:
    try:
        return data.decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        return "", "it is not UTF-8 text" if yaml else ""


def _versions(git: Git, commits: Sequence[localgit.Blob]) -> Iterator[Version]:
    staged = git.staged()
    texts = git.read([blob.id for blob in (*staged, *commits)], LARGEST)
    for blob in (*staged, *commits):
        if text := texts.get(blob.id):
            yield Version(blob.at, blob.path, text)
