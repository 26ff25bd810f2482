"""gomod.py MODULE VERSION PACKAGE [extra]: write go.mod and tools.go of a module of our own that requires MODULE.

'go install pkg@version' refuses modules with replace directives, so we repeat the published ones here.
Replaces by a local folder can't be repeated: Kubernetes' staging folders are published as modules v0.x.y,
others are left out.
extra, separated by ';':  replace=OLD => NEW VERSION   one replace more (it wins over the module's own)
                          require=PATH VERSION         one requirement more
                          drop=REGEX                   see tools.sh
"""

import json
import subprocess
import sys
from pathlib import Path

mod, ver, pkg = sys.argv[1:4]
extra = [e.strip() for e in (sys.argv[4] if len(sys.argv) > 4 else "").split(";") if e.strip()]


def go_json(*args):
    done = subprocess.run(["go", *args], capture_output=True, text=True, cwd="/")
    if done.returncode:
        sys.exit(f"go {' '.join(args)}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


published = go_json("mod", "edit", "-json", go_json("mod", "download", "-json", f"{mod}@{ver}")["GoMod"])
replaces = {}
for r in published.get("Replace") or []:
    old, new = r["Old"]["Path"], r["New"]
    if new.get("Version"):
        replaces[old] = f"{new['Path']} {new['Version']}"
if mod == "k8s.io/kubernetes":  # staging modules: v1.36.4 is published as v0.36.4
    for r in published.get("Require") or []:
        if r["Path"].startswith("k8s.io/") and r["Version"] == "v0.0.0":
            replaces[r["Path"]] = f"{r['Path']} v0{ver[2:]}"
requires = {mod: ver}
for e in extra:
    key, _, value = e.partition("=")
    if key == "replace":
        old, new = value.split("=>")
        replaces[old.strip()] = new.strip()
    elif key == "require":
        path, version = value.split()
        requires[path] = version

with Path("go.mod").open("w") as f:
    f.write(f"module lab\n\ngo {published.get('Go', '1.21')}\n\n")
    f.writelines(f"require {p} {v}\n" for p, v in requires.items())
    f.writelines(f"replace {old} => {new}\n" for old, new in sorted(replaces.items()))
Path("tools.go").write_text(f'//go:build tools\n\npackage tools\n\nimport _ "{pkg}"\n')
