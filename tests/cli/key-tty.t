#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Passphrases asked on a terminal: twice for a new one, without echo, and the terminal is left as it was.
import os
import pty
import select
import shutil
import signal
import sys
import tempfile
import termios
import time

packseal = os.environ['PACKSEAL_BUILD'] + '/packseal'
env = dict(os.environ, LC_ALL='C.UTF-8')
env.pop('PACKSEAL_ROOT', None)
tests = failed = 0


def ok(good, name):
    global tests, failed
    tests += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {tests} - {name}", flush=True)


class Terminal:
    """A child with a terminal of its own; all that it shows is in self.shown."""

    def __init__(self, *args):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(packseal, [packseal, 'key', *args], env)
        self.shown = ''

    def wait_for(self, text, since=0):
        end = time.monotonic() + 60
        while text not in self.shown[since:]:
            if time.monotonic() > end or not select.select([self.fd], [], [], 1)[0] and self.gone():
                return False
            try:
                self.shown += os.read(self.fd, 4096).decode()
            except OSError:
                return text in self.shown[since:]
        return True

    def gone(self):
        return not os.path.exists(f'/proc/{self.pid}')

    def echo(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        self.wait_for('\0never')
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


folder = tempfile.mkdtemp(prefix='packseal-tty.')
try:
    root = ['root', '--merchant', 'M', '--moderate', '-o']

    t = Terminal(*root, folder + '/a')
    ok(t.wait_for('New passphrase for the root key: '), 'the new passphrase is asked for')
    ok(not t.echo(), 'without echo')
    t.type('korrekt pferd\n')
    ok(t.wait_for('once more: '), 'and once more')
    t.type('korrekt pferd\n')
    status = t.end()
    ok(status == 0 and os.path.exists(folder + '/a/root.key'), 'and makes the key')
    ok('pferd' not in t.shown, 'which the terminal never showed')

    t = Terminal(*root, folder + '/b')
    t.wait_for('root key: ')
    t.type('korrekt pferd\n')
    t.wait_for('once more: ')
    t.type('korrekt pferde\n')
    status = t.end()
    ok(status == 1 and 'not the same' in t.shown, 'two that differ are refused')
    ok(not os.path.exists(folder + '/b/root.key'), 'and nothing is made')

    t = Terminal(*root, folder + '/c')
    t.wait_for('root key: ')
    t.type('short\n')
    status = t.end()
    ok(status == 1 and 'too short' in t.shown and 'once more' not in t.shown, 'a short one is not asked for twice')

    t = Terminal(*root, folder + '/d')
    t.wait_for('root key: ')
    os.kill(t.pid, signal.SIGINT)
    for _ in range(600):
        if t.echo() or t.gone():
            break
        time.sleep(0.05)
    ok(t.echo(), 'interrupted, it gives the echo back')
    ok(t.end() != 0 and not os.path.exists(folder + '/d/root.key'), 'and makes nothing')

    t = Terminal('revoke', '--root-key', folder + '/a/root.key', '--clip-key',
                 open(folder + '/a/root.pub').read().split('\n')[1], '--since', '2026-01-01', '--reason', 'lost',
                 '-o', folder + '/e')
    ok(t.wait_for('Passphrase of the root key: '), 'the passphrase of an existing key is asked for')
    t.type('korrekt pferd\n')
    status = t.end()
    ok(status == 0 and 'once more' not in t.shown, 'once')
finally:
    shutil.rmtree(folder)
print(f'1..{tests}')
sys.exit(failed > 0)
