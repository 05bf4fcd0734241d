# SPDX-License-Identifier: MIT
"""A server that answers each line as a test wants it to: what a client makes of servers that lie, stall or hang up."""

import socketserver
import threading


class StandIn:
    """Listens on a port of its own until the block ends. @answer gets each line, without its LF, and the number of lines
    that came before it over all connections; it returns the bytes to send, or None to close the connection."""

    def __init__(self, answer):
        self.answer = answer
        self.lines = []      # protected by lock
        self.lock = threading.Lock()

    def __enter__(self):
        standin = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                try:
                    for line in self.rfile:
                        with standin.lock:
                            number = len(standin.lines)
                            standin.lines.append(line)
                        reply = standin.answer(line.rstrip(b'\n'), number)
                        if reply is None:
                            return
                        self.wfile.write(reply)
                except ConnectionError:
                    pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

        self.server = Server(('127.0.0.1', 0), Handler)
        self.address = '127.0.0.1:%d' % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def honest(line, _=0):
    """What a member would say, of places near nobody."""
    verb, client, *rest = line.split()
    if verb == b'IAMAT':
        return b'AT Liar +0.000000001 %s %s %s\n' % (client, *rest)
    raise AssertionError(f'what is {line!r}?')
