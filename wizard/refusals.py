"""What git, ssh and the servers print when they refuse, and what it means. Data; the words are theirs.

Sources: git 2.39, OpenSSH 9.2, and the messages of GitHub (GH…), GitLab (lib/gitlab/git_access.rb and checks) and Gitea
(routers/private, cmd/serv.go).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wizard.errors import WizardError


@dataclass(frozen=True)
class Refusal:
    """`kind` names it for the program. The sentences may hold {url}, {host}, {branch} and {said}: the server's line."""

    kind: str
    pattern: str
    what: str
    why: str
    fix: str


class GitRefused(WizardError):
    """git could not read or push. `kind` is that of the `Refusal`, empty for words that are not known."""

    kind = ""


_READ = "Give the deploy key the right to write, and run the same command again."

# The first that fits is it: what is said most exactly comes first.
REFUSALS = (
    Refusal("host key", r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|No .* host key is known",
            "{host} does not show the host key that was approved. Nothing was sent.",
            "Another machine answers under this name, or its key was changed.",
            "Compare its fingerprint with the one its owner publishes before you approve a new one."),
    Refusal("unusable key", r"passphrase|Load key .*: (error in libcrypto|incorrect|invalid format)|UNPROTECTED",
            "The key can't be used without a question.", "It has a passphrase, it is damaged, or others may read it.",
            "Name a key without a passphrase, or leave key_file out: a key of its own is then made."),
    Refusal("crowded", r"Too many authentication failures",
            "{host} ended the log-in before it had looked at the key.", "It says: {said}",
            "Its MaxAuthTries is too small, or its fail2ban remembers this computer: wait, and run the same command"
            " again."),
    Refusal("key", r"Permission denied \((publickey|.*publickey.*)\)|not authorized to read|Key check failed",
            "{host} does not accept the key.", "It is not (or no longer) among the keys of {url}.",
            "Add the public key to the repository as a deploy key that may write."),
    Refusal("old ssh", r"no matching (host key type|key exchange method|cipher|MAC) found|no mutual signature",
            "{host} and this computer have no SSH algorithm in common.", "It says: {said}",
            "Update the SSH server there: it is years old."),
    Refusal("archived", r"\barchived\b", "{url} is archived: nothing can be written to it.", "It says: {said}",
            "Take it out of the archive in its settings, or name another repository."),
    Refusal("mirror", r"Mirror Repository .* is read-only|repository is temporarily read-only|read-only mode",
            "{url} can't be written to now.", "It says: {said}",
            "A mirror never takes a push; a server under maintenance does later."),
    Refusal("secret", r"GH009|GH013[\s\S]*cannot contain secrets|secret.* detected",
            "{host} believes that a file to be pushed holds a secret.", "It says: {said}",
            "homelab pushes encrypted secrets only. Look at the link the server gives in the log, and allow it there."),
    Refusal("size", r"GH001|exceeds maximum|exceed.*(size|quota|limit)|larger than|No space left|quota",
            "{host} has no room for the push.", "It says: {said}",
            "Make room there, or name another repository; homelab's own files take less than a megabyte."),
    Refusal("protected", r"GH006|GH013|rule violations|protected branch|protected from|through a pull request"
            r"|does not yet exist for|create protected branches",
            "The branch {branch} of {url} is protected.", "It says: {said}",
            "Let the deploy key push to this branch (GitHub: Settings, Rules, bypass list; GitLab: Settings,"
            " Repository, Protected branches, Allowed to push; Gitea: Settings, Branches), or choose another branch."),
    Refusal("read only", r"read[- ]only(?! file system)|not allowed to (push|upload|write)|no push permission"
            r"|denied for writing|denied to|does not have write access|not authorized to write",
            "The key may only read {url}.", "It says: {said}", _READ),
    Refusal("checked out", r"refusing to update checked out branch|branch is currently checked out",
            "{url} is a folder that somebody works in.", "git does not push into a branch that is checked out.",
            "Make a bare repository there: git init --bare homelab.git, and give its address."),
    Refusal("moved", r"fetch first|non-fast-forward|cannot lock ref|stale info|failed to update ref|incorrect old value"
            r"|reference already exists|but expected",
            "Somebody else has pushed to {branch} in the meantime.", "Nothing was overwritten.",
            "Run the same command again: it begins with what is there now."),
    Refusal("hook", r"hook declined|not permitted to push",
            "{host} does not take the push to {branch}.", "A check of its own says: {said}",
            "Let this key push to the branch, or choose another branch."),
    Refusal("broken", r"insufficient permission for adding|unable to create temporary|unable to write|unpacker error"
            r"|read-only file system|dubious ownership|unable to migrate objects",
            "The server could not write into {url}.", "It says: {said}",
            "On the server, all files of the repository must belong to the user in its address, on a disk that can be"
            " written to."),
    Refusal("no git", r"git([- ](upload|receive)-pack)?: (command )?not found|exec .*git.*No such",
            "There is no git on {host}.", "It says: {said}", "Install git there: sudo apt install git."),
    Refusal("talkative", r"bad line length character|protocol error",
            "{host} does not answer as a git server does.", "It says: {said}",
            "Something in the log-in of that user prints text (.bashrc), or the address is not that of a git server."),
    Refusal("missing", r"does not appear to be a git repository|repository .*not (found|exist)|does not exist"
            r"|Could not find repository|Cannot find repository|could not be found|not exported",
            "There is no repository at {url}, or the key may not see it.", "It says: {said}",
            "Compare the address with the one the provider shows for SSH."),
    Refusal("name", r"Could not resolve hostname", "The name {host} could not be resolved.", "",
            "Check the address of the repository, and that this computer has DNS."),
    Refusal("unreachable", r"Connection refused|Connection timed out|Operation timed out|No route to host"
            r"|Network is unreachable",
            "{host} could not be reached.", "It says: {said}",
            "Check the address and its port, and run the same command again."),
    Refusal("hung up", r"kex_exchange_identification|ssh_exchange_identification|Connection (closed|reset) by"
            r"|banner exchange|hung up|unexpected disconnect|early EOF|Broken pipe",
            "{host} ended the connection.", "It says: {said}",
            "It may be busy, or something before it (a firewall, fail2ban) ends what it does not know. Check the port,"
            " wait a little, and run the same command again."),
)  # fmt: skip


def explain(err: str, url: str, host: str, branch: str) -> tuple[Refusal, str, str, str] | None:
    """The refusal in what git printed, with its three sentences; None for words that are not known."""
    for one in REFUSALS:
        if found := re.search(one.pattern, err, re.IGNORECASE):
            words = {"url": url, "host": host, "branch": branch, "said": _line(err, found)}
            return one, one.what.format(**words), one.why.format(**words), one.fix.format(**words)
    return None


def _line(err: str, found: re.Match[str]) -> str:
    """The line that was found, without git's marks; of a mere result (``! [remote rejected]``), what came before it."""
    end = err.find("\n", found.end())
    line = err[err.rfind("\n", 0, found.start()) + 1 : end if end >= 0 else len(err)]
    if line.lstrip().startswith("!"):
        told = [text for text in err.splitlines() if text.startswith("remote:") and text.strip() != "remote:"]
        line = " ".join(map(_plain, told[:3])) or line
    return " ".join(map(_plain, line.splitlines()))


def _plain(line: str) -> str:
    return re.sub(r"^(\s|!|✗|remote:|error:|fatal:|ERROR:|Gitea:|GitLab:)+", "", line).strip()
