"""Options of the commands about what runs: status, doctor, apps, backups, upgrades; their words that are commands."""

from __future__ import annotations

import argparse
from typing import Any


def add(target: argparse._ActionsContainer, *names: str, **settings: Any) -> None:
    """An option that is simply absent from the namespace when it was not given, wherever on the line it stands."""
    target.add_argument(*names, default=argparse.SUPPRESS, **settings)


def backup(backup: argparse.ArgumentParser) -> None:
    """`homelab backup FILE`, and `homelab backup show FILE`."""
    about = "where to write it, or its folder; asked for when left out; show FILE: what is in one"
    add(backup, "what", metavar="[show] FILE", nargs="*", help=about)
    add(backup, "--no-etcd", action="store_true", help="without the cluster's data: what this computer knows")
    add(backup, "--json", action="store_true", help="with show: print it as JSON")
    passphrase(backup)


def restore(restore: argparse.ArgumentParser) -> None:
    add(restore, "file", metavar="FILE", nargs="?", help="the backup; asked for when left out")
    head = "bring a fresh Pi of the same name and address back as the control plane, and go on as far as Flux"
    add(restore, "--control-plane", action="store_true", help=head)
    new = "keep answers, keys and repository, forget the cluster: for making it anew"
    add(restore, "--new-cluster", action="store_true", help=new)
    passphrase(restore)


def upgrade(upgrade: argparse.ArgumentParser) -> None:
    """`homelab upgrade`, and `homelab upgrade list`."""
    upgrade.add_argument(
        "part", metavar="list", nargs="?", choices=("list",), help="list: only show what is newer, and the notes"
    )
    add(upgrade, "--back", action="store_true", help="take the newest upgrade back; later edits by hand stay")
    add(upgrade, "--anyway", action="store_true", help="also while something in the cluster is not ready")
    add(upgrade, "--backup", metavar="FILE", help="make a backup first")
    add(upgrade, "--json", action="store_true", help="with list: print it as JSON")
    passphrase(upgrade)


def expose(expose: argparse.ArgumentParser) -> None:
    """`homelab app expose`."""
    add(expose, "entry", metavar="APP", nargs="?", help="one that homelab knows, named below")
    add(
        expose,
        "--to",
        dest="reach",
        choices=("internal", "external", "both"),
        help="home and VPN, the internet, or both",
    )
    for word, metavar, about in (
        ("service", "NAMESPACE/NAME:PORT", "a Service that is in the cluster already"),
        ("image", "IMAGE", "any image, with its version"), ("port", "PORT", "on which the image serves pages"),
        ("data", "FOLDER", "in which the image keeps its data"), ("chart", "ADDRESS", "any Helm chart"),
        ("version", "VERSION", "of the chart"), ("backend", "SERVICE:PORT", "of the chart, which serves pages"),
        ("name", "NAME", "what to call it"), ("host", "NAME", "the name under which it is reached"),
        ("size", "SIZE", "how much room its data needs"), ("storage", "CLASS", "the StorageClass for its data"),
    ):  # fmt: skip
        add(expose, f"--{word}", metavar=metavar, help=about)


def apps(listed: argparse.ArgumentParser) -> None:
    """`homelab app list`."""
    add(listed, "--json", action="store_true", help="print it as JSON")


def remove(remove: argparse.ArgumentParser) -> None:
    """`homelab app remove`."""
    add(remove, "app", metavar="APP", nargs="?", help="which one; asked for when left out")
    add(remove, "--delete-data", action="store_true", help="delete what it keeps, for good; asked about by itself")
    add(remove, "--confirm", metavar="APP", help="with --yes --allow app-remove/data: its name, instead of typing it")


def passphrase(made: argparse.ArgumentParser) -> None:
    add(made, "--passphrase-env", metavar="NAME", help="take the passphrase from this environment variable")
    add(made, "--passphrase-file", metavar="FILE", help="take the passphrase from this file")


def _backup_words(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """`show` is the word of a command; a file of that name is ./show."""
    words = list(vars(args).pop("what", []))
    if words[:1] == ["show"]:
        args.command, words = "backup show", words[1:]
    if len(words) > 1 or (args.command == "backup show" and not words):
        parser.error("backup wants one FILE, or show FILE")
    if "json" in args and args.command == "backup":
        parser.error("--json goes with backup show FILE")
    if words:
        args.file = words[0]


def read_words(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """What argparse can't tell apart: `backup FILE` from `backup show FILE`. Leaves after a usage error."""
    if args.command == "backup":
        _backup_words(parser, args)
    if args.command == "upgrade" and vars(args).pop("part", None):
        args.command = "upgrade list"
    if args.command == "upgrade" and "json" in args:
        parser.error("--json goes with upgrade list")


def status(status: argparse.ArgumentParser) -> None:
    """`homelab status`."""
    add(status, "--json", action="store_true", help="print it as JSON; with --watch one line each time")
    add(status, "--watch", action="store_true", help="look again every five seconds, until Ctrl-C")
    add(status, "--calendar", metavar="FILE", help="write what ends when as a calendar (FILE.ics)")


def doctor(doctor: argparse.ArgumentParser) -> None:
    """`homelab doctor`."""
    one = doctor.add_mutually_exclusive_group()
    add(one, "--json", action="store_true", help="print every check and cause as JSON")
    add(one, "--fix", action="store_true", help="offer what can be mended without losing anything")
    add(one, "--bundle", metavar="FILE", help="write what somebody who helps needs (FILE.tar.gz), without secrets")
