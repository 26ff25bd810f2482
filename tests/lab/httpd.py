"""httpd.py ADDRESS PORT FOLDER GIT_FOLDER: the lab's web server.

Files of FOLDER (apt repositories, downloads), and the bare repositories of GIT_FOLDER under /git/NAME over git's
smart HTTP protocol, read only: what download mirrors and public git hosts are for a home.
"""

import os
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # apt keeps its connection open
    git_folder = "/nonexistent"

    def do_GET(self):
        self.git(b"") if self.path.startswith("/git/") else super().do_GET()

    def do_POST(self):
        self.git(self.body()) if self.path.startswith("/git/") else self.send_error(405)

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def git(self, body):
        path, _, query = self.path.partition("?")
        if "git-receive-pack" in self.path:
            self.send_error(403, "read only")
            return
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": self.git_folder,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",  # the repositories may belong to another user than this server
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": unquote(path)[len("/git") :],
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": self.client_address[0],
        }
        done = subprocess.run(["git", "http-backend"], input=body, stdout=subprocess.PIPE, env=env)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode("latin-1").splitlines() if ": " in line)
        self.send_response(int(headers.pop("Status", "200 OK").split()[0]) if headers else 500)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def main():
    address, port, folder, git_folder = sys.argv[1:5]
    Handler.git_folder = git_folder
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer((address, int(port)), partial(Handler, directory=folder)).serve_forever()


if __name__ == "__main__":
    main()
