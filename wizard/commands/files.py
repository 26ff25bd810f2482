"""Files on this computer, with no cluster behind them: repositories, answers, completions."""

from __future__ import annotations

import sys

from wizard.commands import joint, typed

TYPE_CHECKING = False  # as in typing

if TYPE_CHECKING:
    from argparse import Namespace


def repo_validate(args: Namespace) -> int:
    from steps.gitops.inspection import inspect
    from wizard import checkout, userfile
    from wizard.ui import validated

    path = typed.path(args.path)
    pushed = "pre_push" in args
    seen = checkout.read_pushed(path, sys.stdin.read(userfile.MOST).splitlines()) if pushed else [checkout.read(path)]
    files = max((len(one.files) for one in seen), default=0)
    return validated.show(path.resolve(), files, inspect(seen), as_json="json" in args)


def repo_hook(args: Namespace) -> int:
    from wizard import prepush
    from wizard.errors import ExitCode
    from wizard.ui.out import Out

    Out().say(f"Before each push git now runs homelab repo validate: {prepush.install(typed.path(args.path))}")
    return ExitCode.OK


def answers_init(args: Namespace) -> int:
    from wizard.ui import answering

    return answering.init(joint.order(), typed.path(args.file) if "file" in args else None)


def answers_schema(args: Namespace) -> int:
    from wizard.ui import answering

    return answering.schema(joint.order())


def answers_check(args: Namespace) -> int:
    from wizard import commandline
    from wizard.ui import answering

    steps, file = joint.order(), typed.path(args.file)
    part = commandline.until(args, steps)
    return answering.check(steps, part, file, secrets="no_secrets" not in args, as_json="json" in args)


def completion(args: Namespace) -> int:
    from wizard import commandline, completion
    from wizard.errors import ExitCode
    from wizard.ui.out import Out

    if "list" in args:
        lines = completion.names(args.list)
    else:
        from steps.gitops.catalogue import catalogue
        from wizard.demo import faults, pi

        words = {"until": [step.name for step in joint.order()], "machine": pi.names(), "fault": list(faults.table())}
        words["entry"] = list(catalogue())
        lines = [completion.script(commandline.parser(), args.shell, words)]
    for line in lines:
        Out().say(line)
    return ExitCode.OK
