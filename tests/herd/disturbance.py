# SPDX-License-Identifier: MIT
"""A random run: a herd behind proxies, clients that move all the while, members that die, stop and stand still, edges that
are cut, fall silent, slow down and break lines; and an oracle that knows what has to be true all the same.

What the oracle rests on. A *life* is one process of a member, from start to end. The store of a life only ever grows newer
(R21), so whatever a life has once shown to have about a client, it has that or something newer for as long as it lives. A life
shows it by a reply: an IAMAT that is answered, or the AT line of a WHATSAT. From this follow, without a word about links:

1. Never older. A question that is asked after a life has shown a record gets that or a newer one from that life.
2. Nothing invented. Whatever a member ever shows is the answer to an IAMAT of this run, or, where the answer did not arrive,
   is what that answer would have been, but for the skew. (An IAMAT that was sent and not answered may have been executed,
   also later: in a process that stands still, it waits.)
3. Agreement. When everything is healed and runs, all members come to have the same line of every client.
4. Nothing lost. That line is at least as new as everything that any life has shown that is still alive then. A life that
   ended does not count, however it ended: what only it had may be lost, killed or stopped while its links were down. What it
   passed on in time counts by the lives that have shown it since, and the run looks again and again.
"""

import collections
import os
import random
import threading

from client import AT, Client, order, split_replies
from harness import DEADLINE, SLOWER, wait_until
from proxy import HARMS, Network

NAMES = 'Bailey Bona Campbell Clark Goloman Hands Holiday Jaquez Riley'.split()
PATIENCE = 0.3 * SLOWER       # seconds that a mover waits for a reply: the member may stand still
CONVERGENCE = 4 * DEADLINE    # seconds, for the whole herd after everything is healed

Life = collections.namedtuple('Life', 'name number')


class Oracle:
    """What members have shown, and whether they may. Used by all threads of a run."""

    def __init__(self):
        self.lock = threading.Lock()
        self.attempts = {}                             # (client, origin, location, time) -> line, None: not answered
        self.shown = collections.defaultdict(dict)     # life -> client -> the newest line that it has shown
        self.lines = set()                             # all that any has shown
        self.acknowledged = 0

    def attempt(self, life, client, location, at):
        """Before an IAMAT is sent."""
        with self.lock:
            self.attempts[client, life.name.encode(), location, at] = None

    def answered(self, life, client, location, at, line):
        """The reply to that IAMAT. It shows that the life has this record or a newer one."""
        match = AT.fullmatch(line)
        key = (client, life.name.encode(), location, at)
        if not match or (match['client'], match['origin'], match['location'], match['time']) != key:
            raise AssertionError(f'{life.name} answered {line!r} to an IAMAT of {key}')
        with self.lock:
            self.acknowledged += 1
            self.attempts[key] = line
            self._show(life, client, line)

    def floor(self, life, client):
        """Before a WHATSAT is sent: what has to come at least; None: nothing has to."""
        with self.lock:
            return self.shown[life].get(client)

    def observed(self, life, client, line, floor):
        """The AT line that came, or None: the client is not known."""
        if floor is not None and (line is None or order(line) < order(floor)):
            raise AssertionError(f'{life.name} went back from {floor!r} to {line!r}')
        if line is not None:
            with self.lock:
                self._show(life, client, line)

    def _show(self, life, client, line):
        self.lines.add(line)
        before = self.shown[life].get(client)
        if before is None or order(line) > order(before):
            self.shown[life][client] = line

    def check_nothing_invented(self):
        for line in self.lines:
            match = AT.fullmatch(line)
            key = match and (match['client'], match['origin'], match['location'], match['time'])
            if key not in self.attempts or self.attempts[key] not in (None, line):
                raise AssertionError(f'nobody reported {line!r}')

    def check_nothing_lost(self, lives, agreed):
        """@agreed: client -> line, of all members."""
        for life in lives:
            for client, line in self.shown[life].items():
                if agreed.get(client) is None or order(agreed[client]) < order(line):
                    raise AssertionError(
                        f'lost: {life.name} lives and has shown {line!r}, but all agree on {agreed.get(client)!r}')


class Clock:
    """The times of the clients: mostly later ones, some equal, some older."""

    def __init__(self):
        self.lock = threading.Lock()
        self.newest = {}

    def tick(self, client, choice):
        with self.lock:
            newest = self.newest.get(client, 10**12)
            kind = choice.random()
            if kind < 0.7:
                at = newest + choice.randrange(1, 2 * 10**9)
            elif kind < 0.85:
                at = newest
            else:
                at = newest - choice.randrange(1, 10**9)
            self.newest[client] = max(newest, at)
        extra = b'%d' % choice.randrange(10) if choice.random() < 0.1 else b''  # of no weight (R8)
        return b'%d.%09d' % divmod(at, 10**9) + extra


class Mover(threading.Thread):
    """Clients that report and ask at one member after the other, in bursts."""

    def __init__(self, run, number):
        super().__init__(name=f'mover/{number}', daemon=True)
        self.run_of = run
        self.number = number
        self.choice = random.Random(f'{run.seed}/mover/{number}')
        self.reported = 0
        self.bursts = 0

    def run(self):
        try:
            while not self.run_of.over.is_set():
                self.visit()
        except BaseException as problem:
            self.run_of.problems.append(problem)
            raise

    def visit(self):
        run = self.run_of
        member = self.choice.choice(run.members)
        life = run.lives[member.name]
        try:
            client = Client(member.address, timeout=PATIENCE)
        except OSError:
            return
        with client:
            # An unchanged life before and after: it is this one that has accepted.
            while life == run.lives[member.name] and not run.over.is_set() and self.move(client, life):
                if self.choice.random() < 0.3:
                    return

    def report(self, life, client_id):
        self.reported += 1
        location = b'+%02d.%07d-118.445127' % (10 + self.number, self.reported)  # each is another one
        at = self.run_of.clock.tick(client_id, self.choice)
        self.run_of.oracle.attempt(life, client_id, location, at)
        return b'IAMAT %s %s %s\n' % (client_id, location, at), (client_id, location, at)

    def move(self, client, life):
        """Sends some commands at once and takes the replies as far as they come. False: they do not all come."""
        run, commands, expected = self.run_of, [], []
        for _ in range(self.choice.randint(1, run.burst)):
            client_id = self.choice.choice(run.clients)
            if self.choice.random() < 0.75:
                command, report = self.report(life, client_id)
                expected.append(report)
            else:
                command = b'WHATSAT %s 1 0\n' % client_id
                expected.append((client_id, run.oracle.floor(life, client_id)))
            commands.append(command)
        replies, sound = exchange(client, commands)
        for asked, reply in zip(expected, replies):
            if len(asked) == 3:
                run.oracle.answered(life, *asked, reply)
            else:
                run.oracle.observed(life, asked[0], known(reply), asked[1])
        self.bursts += 1
        return sound


def exchange(client, commands):
    """The replies that come before the connection or the patience ends, and whether these are all."""
    data, replies = b'', []
    try:
        client.send(b''.join(commands))
        while len(replies) < len(commands):
            more = client.socket.recv(1 << 16)
            if not more:
                return replies, False
            data += more
            taken, data = split_replies(data, commands[len(replies):])
            replies += taken
    except OSError:
        return replies, False
    return replies, True


def known(reply):
    """The AT line of a reply to WHATSAT, or None: the client is not known."""
    return reply.partition(b'\n')[0] + b'\n' if reply.startswith(b'AT ') else None


class Run:
    """One random run, told by its seed as far as the machine lets it: what is done, in which order, and what movers say is
    the same for the same seed; how it all meets is not."""

    def __init__(self, case, seed):
        self.case = case
        self.seed = seed
        self.choice = choice = random.Random(seed)
        names = choice.sample(NAMES, choice.randint(2, len(NAMES) if SLOWER == 1 else 5))
        self.edges = self.topology(names)
        self.clients = [b'client-%d' % number for number in range(choice.choice((1, 3, 10, 100, 600)))]
        self.burst = max(12, len(self.clients) // 6)
        self.steps = choice.randint(*((10, 30) if SLOWER == 1 else (5, 12)))
        # How they talk to each other, and what else may differ from herd to herd.
        self.keys = {name: {'delivery': 'message'} for name in names if choice.random() < 0.2}
        self.options = {'resync_interval_s': choice.choice((0, 1, 60)), 'link_timeout_s': choice.choice((2, 5)),
                        'state': choice.random() < 0.2}
        self.events = []
        self.oracle = Oracle()
        self.clock = Clock()
        self.over = threading.Event()
        self.problems = []
        self.movers = []
        self.lives = {}       # member -> Life, the last that began
        self.paused = set()
        self.suspects = self.clients

    def topology(self, names):
        """A tree, so that all are connected, and some edges more."""
        edges = [(self.choice.choice(names[:number]), name) for number, name in enumerate(names) if number > 0]
        others = [(a, b) for number, a in enumerate(names) for b in names[number + 1:]
                  if (a, b) not in edges and (b, a) not in edges]
        return edges + self.choice.sample(others, self.choice.randint(0, min(len(others), len(names))))

    def go(self):
        try:
            state = {'state_dir': os.path.join(self.case.directory, f'state-{self.seed}')} if self.options['state'] else {}
            self.herd = self.case.herd(
                self.edges, keys=self.keys, limits={'link_timeout_s': self.options['link_timeout_s']},
                herd={'resync_interval_s': self.options['resync_interval_s'], **state})
            self.members = list(self.herd)
            self.network = Network()
            self.pipes = self.network.between(self.herd)
            for member in self.members:
                self.start(member)
            self.herd.wait_links()
            self.disturb()
            self.recover()
            lines = wait_until(self.agreed, 'all members agree on all clients', CONVERGENCE)
            self.oracle.check_nothing_lost(self.lives.values(), lines)
            self.oracle.check_nothing_invented()
            self.raise_problems()
            for member in self.members:
                member.stop()
            self.network.close()
        except AssertionError as problem:
            raise AssertionError(f'{problem}\n{self.story()}') from problem

    def story(self):
        edges = ' '.join('-'.join(edge) for edge in self.edges)
        text = f'seed {self.seed} (HERD_SEED={self.seed} HERD_RUNS=1 does it again): {edges}; {len(self.clients)} clients\n'
        text += f'{self.options}; talked to by messages: {" ".join(self.keys) or "none"}\n'
        text += ''.join(f'{number:3} {event}\n' for number, event in enumerate(self.events))
        differing = getattr(self, 'differing', {})
        for client in list(differing)[:5]:
            text += f'{client.decode()} differs:\n'
            text += ''.join(f'    {name:10} {line!r}\n' for name, line in differing[client].items())
        return text + (f'{len(differing)} clients differ' if differing else '')

    def disturb(self):
        self.movers = [Mover(self, number) for number in range(4)]
        for mover in self.movers:
            mover.start()
        try:
            while len(self.events) < self.steps:
                self.step()
        finally:
            self.over.set()
            for mover in self.movers:
                mover.join(CONVERGENCE)

    def step(self):
        """One event, and then some bursts of the movers."""
        kinds = {self.start_one: 5, self.kill_one: 3, self.stop_one: 1, self.pause_one: 1, self.resume_one: 3,
                 self.trouble: 7, self.heal_one: 4, self.look: 3}
        self.choice.choices(list(kinds), kinds.values())[0]()
        self.raise_problems()
        enough = self.bursts() + self.choice.randint(1, 30)
        wait_until(lambda: self.bursts() >= enough or self.problems, 'the movers are served')

    def bursts(self):
        return sum(mover.bursts for mover in self.movers)

    def raise_problems(self):
        if self.problems:
            raise AssertionError(str(self.problems[0])) from self.problems[0]
        for member in self.members:
            if member.process is not None and not member.running:
                raise AssertionError(f'{member.name} ended by itself: {member.process.returncode}')

    def note(self, event):
        self.events.append(f'{event} (after {self.oracle.acknowledged} acknowledged)')

    def start(self, member):
        self.lives[member.name] = Life(member.name, self.lives.get(member.name, Life('', 0)).number + 1)
        member.start()

    def awake(self):
        return [member for member in self.members if member.running and member not in self.paused]

    def expendable(self, members):
        """Those without which some member is still awake."""
        awake = self.awake()
        return [member for member in members if awake and awake != [member]]

    def start_one(self):
        dead = [member for member in self.members if not member.running]
        if dead:
            member = self.choice.choice(dead)
            self.note(f'start {member.name}')
            self.start(member)

    def kill_one(self):
        self.end_one('kill', lambda member: member.kill())

    def stop_one(self):
        self.end_one('stop', lambda member: member.stop())

    def end_one(self, what, end):
        victims = self.expendable([member for member in self.members if member.running])
        if victims:
            member = self.choice.choice(victims)
            self.note(f'{what} {member.name}')
            end(member)
            self.paused.discard(member)

    def pause_one(self):
        victims = self.expendable(self.awake())
        if victims:
            member = self.choice.choice(victims)
            self.note(f'pause {member.name}')
            member.pause()
            self.paused.add(member)

    def resume_one(self):
        if self.paused:
            member = self.choice.choice(sorted(self.paused, key=lambda member: member.name))
            self.note(f'resume {member.name}')
            member.resume()
            self.paused.discard(member)

    def some_pipes(self):
        """Both directions of an edge, or one."""
        here, there = self.choice.choice(self.edges)
        return self.choice.choice(([(here, there), (there, here)], [(here, there)], [(there, here)]))

    def trouble(self):
        what = self.choice.choice(('close', 'reset', 'silence', 'delay', 'throttle', 'harm'))
        kind, half = self.choice.choice(sorted(HARMS)), self.choice.choice(('there', 'there', 'back'))
        delay, rate = self.choice.uniform(0.001, 0.03), self.choice.randint(5_000, 200_000)
        for way in self.some_pipes():
            pipe = self.pipes[way]
            self.note(f'{what} {"->".join(way)}' + {
                'harm': f' {kind} {half}', 'delay': f' {delay:.3f} s', 'throttle': f' {rate} bytes/s'}.get(what, ''))
            if what in ('close', 'reset'):
                pipe.cut(reset=what == 'reset')
            elif what == 'silence':
                pipe.silence()
            elif what == 'delay':
                pipe.slow(delay=delay, jitter=delay)
            elif what == 'throttle':
                pipe.slow(rate=rate)
            else:
                pipe.harm(kind, half)

    def heal_one(self):
        fresh = self.choice.random() < 0.5
        for way in self.some_pipes():
            self.note(f'heal {"->".join(way)}' + (' afresh' if fresh else ''))
            self.pipes[way].heal(fresh)

    def look(self):
        """One member shows all that it has, so that it need not be lost when others die."""
        member = self.choice.choice(self.awake())
        self.note(f'look at {member.name}')
        self.ask(member, self.clients)

    def ask(self, member, clients):
        """What a member that runs and is not paused has: client -> line or None."""
        life = self.lives[member.name]
        floors = [self.oracle.floor(life, client) for client in clients]
        commands = [b'WHATSAT %s 1 0\n' % client for client in clients]
        with Client(member.address, timeout=DEADLINE) as connection:
            replies, sound = exchange(connection, commands)
        if not sound:
            raise AssertionError(f'{member.name} does not answer: {len(replies)} of {len(commands)}')
        lines = {client: known(reply) for client, reply in zip(clients, replies)}
        for (client, line), floor in zip(lines.items(), floors):
            self.oracle.observed(life, client, line, floor)
        return lines

    def recover(self):
        """Heals, resumes and starts all, in any order."""
        todo = [(f'heal {"->".join(way)} afresh', lambda pipe=pipe: pipe.heal(fresh=True)) if self.choice.random() < 0.5 else
                (f'heal {"->".join(way)}', pipe.heal) for way, pipe in self.pipes.items()]
        for member in self.members:
            if member in self.paused:
                todo.append((f'resume {member.name}', member.resume))
            elif not member.running:
                todo.append((f'start {member.name}', lambda member=member: self.start(member)))
        self.choice.shuffle(todo)
        self.note('all is made well')
        for event, do in todo:
            self.note(event)
            do()
        self.paused.clear()

    def agreed(self):
        """What all agree on, client -> line; None as long as they do not. Asks only about those that differed the last
        time, until none does; then about all."""
        answers = {member.name: self.ask(member, self.suspects) for member in self.members}
        first = next(iter(answers.values()))
        self.differing = {client: {name: lines[client] for name, lines in answers.items()} for client in self.suspects
                          if any(lines[client] != first[client] for lines in answers.values())}
        asked_all = self.suspects is self.clients
        self.suspects = list(self.differing) or self.clients
        return first if asked_all and not self.differing else None
