# SPDX-License-Identifier: Apache-2.0
"""Types at the prompt of `gateway sql` in a pseudo-terminal: `sql-prompt.py PROGRAM ARGUMENTS`."""
import os
import pty
import select
import sys
import time


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command):
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execv(command[0], command)
        self.output = b""

    def wait_for(self, text):
        """Reads until the program has written a text behind what was waited for before."""
        if not self.has_come(text, 60):
            sys.exit(f"waited in vain for {text!r} in {self.output!r}")

    def has_come(self, text, seconds):
        deadline = time.time() + seconds
        while text not in self.output:
            ready, _, _ = select.select([self.descriptor], [], [], 0.1)
            if ready:
                self.output += os.read(self.descriptor, 4096)
            if time.time() > deadline:
                return False
        self.output = self.output.split(text, 1)[1]
        return True

    def type(self, text):
        os.write(self.descriptor, text)

    def interrupt(self, statement):
        """Types a statement that runs for ever, and Ctrl-C; again where Ctrl-C dropped it before it ran."""
        for attempt in range(10):
            self.type(statement + b"\n")
            self.wait_for(b"\n")
            time.sleep(0.5 + attempt)
            self.type(b"\x03")
            if self.has_come(b"interrupted", 10):
                return
        sys.exit(f"interrupted in vain: {self.output!r}")

    def end(self):
        """Gives the exit code."""
        while True:
            try:
                if not os.read(self.descriptor, 4096):
                    break
            except OSError:
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


terminal = Terminal(sys.argv[1:])
terminal.wait_for(b"gateway> ")
# A keyword and a table by Tab, and a statement of two lines.
terminal.type(b"sel\tmax(offset) + 1000 FROM outl\t\n")
terminal.wait_for(b"...> ")
terminal.type(b";\n")
terminal.wait_for(b"1005")
terminal.wait_for(b"gateway> ")
# What is typed is dropped by Ctrl-C; what runs is stopped by it.
terminal.type(b"select nothing")
terminal.wait_for(b"nothing")
terminal.type(b"\x03")
terminal.wait_for(b"gateway> ")
terminal.interrupt(
    b"WITH t (x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM t) SELECT max(x) FROM t;"
)
terminal.wait_for(b"gateway> ")
terminal.type("SELECT 'h\u00fc' || 'bsch';\n".encode())
terminal.wait_for("h\u00fcbsch".encode())
terminal.wait_for(b"gateway> ")
terminal.type(b"DROP TABLE raw;\n")
terminal.wait_for(b"refused")
terminal.wait_for(b"gateway> ")
terminal.type(b"\x04")
code = terminal.end()
if code != 0:
    sys.exit(f"ended with {code}")

# Another one remembers: three statements back.
terminal = Terminal(sys.argv[1:])
terminal.wait_for(b"gateway> ")
terminal.type(b"\x1b[A\x1b[A\n")
terminal.wait_for("h\u00fcbsch".encode())
terminal.wait_for(b"gateway> ")
terminal.type(b".quit\n")
sys.exit(terminal.end())
