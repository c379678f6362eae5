#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands on loopback in front of a one-node Kafka broker: adds TLS, SASL and faults to it.

Clients come through the proxy because it puts its own address into the answers that tell them
where the broker is (Metadata, FindCoordinator). Several proxies may stand in front of one broker.
Requests and answers stay pipelined and in order. It prints `proxy ready ...` when it listens and
ends at SIGTERM.

A line to the control port (--ctl) is a command; the answer is one line of JSON, the statistics.
A number of 0 switches a command off.

  drop-ack N      swallow the next N answers to Produce (the broker has the data), and disconnect
  drop-end-txn N  the same for answers to EndTxn
  drop-offsets N  the same for answers to TxnOffsetCommit
  drop-req N      do not pass the next N Produce requests on, and disconnect
  delay MS        hold each answer back for so long; answers on their way wait side by side
  slow BYTES      pass at most so many bytes to the broker in 10 ms, for each connection
  refuse on|off   close new connections at once
  quiesce on|off  let no new transaction begin; "open" in the statistics counts those that go on
  cut             close all connections
  reload          read the certificates again now (a changed file is noticed anyway)
  stat            only the statistics
"""

import argparse
import asyncio
import base64
import collections
import contextlib
import dataclasses
import hashlib
import hmac
import json
import logging
import os
import signal
import socket
import ssl
import struct
import sys

# Keys of the requests that the proxy does more with than pass them on.
PRODUCE, METADATA, FIND_COORDINATOR = 0, 3, 10
SASL_HANDSHAKE, API_VERSIONS = 17, 18
INIT_PRODUCER_ID, ADD_PARTITIONS_TO_TXN, ADD_OFFSETS_TO_TXN = 22, 24, 25
END_TXN, TXN_OFFSET_COMMIT, SASL_AUTHENTICATE = 26, 28, 36

# Error codes of the protocol.
UNSUPPORTED_SASL_MECHANISM, ILLEGAL_SASL_STATE, UNSUPPORTED_VERSION = 33, 34, 35
SASL_AUTHENTICATION_FAILED = 58

# Brokers take 100 MB at most. What claims more is no Kafka, such as a TLS hello to a plain port.
FRAME_BYTES_MAX = 128 << 20
# To copy a larger frame behind its length costs more than to send the two in two packets.
COPIED_FRAME_BYTES_MAX = 64 << 10
READ_BUFFER_BYTES = 256 << 10
# Bounds what `delay` and a client that does not read can make the proxy hold.
WAITING_ANSWERS_MAX = 256
HANDSHAKE_SECONDS = 10
SLOW_TICK_SECONDS = 0.01
SCRAM_ITERATIONS = 4096


class Disconnect(Exception):
    """Ends a connection; what was written before still goes out."""


class ProtocolError(Exception):
    """The bytes are not what the protocol says."""


class AuthenticationError(Exception):
    """The credentials are not accepted; the text goes to the client."""


@dataclasses.dataclass
class State:
    """What the control port sets and shows."""

    # Set by commands; the first four count down.
    drop_ack: int = 0
    drop_req: int = 0
    drop_end_txn: int = 0
    drop_offsets: int = 0
    delay: int = 0
    slow: int = 0
    refuse: bool = False
    quiesce: bool = False
    # Counted.
    open: int = 0
    conns: int = 0
    live: int = 0
    refused: int = 0
    broker_failed: int = 0
    tls_failed: int = 0
    auth_failed: int = 0
    protocol_errors: int = 0
    requests: int = 0
    answers: int = 0
    produce: int = 0
    acks_dropped: int = 0
    reqs_dropped: int = 0
    end_txns_dropped: int = 0
    offsets_dropped: int = 0
    reloads: int = 0

    def spend(self, fault, counter):
        """True if the fault strikes now; it is then used up by one."""
        left = getattr(self, fault)
        if left == 0:
            return False
        setattr(self, fault, left - 1)
        setattr(self, counter, getattr(self, counter) + 1)
        return True


# --- The wire format ------------------------------------------------------------------------------


async def read_frame(reader):
    """The next frame without its length, or None if the stream ends before it."""
    try:
        (size,) = struct.unpack('>i', await reader.readexactly(4))
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    if not 4 <= size <= FRAME_BYTES_MAX:
        raise ProtocolError(f'a frame of {size} bytes')
    return await reader.readexactly(size)


async def write_frame(writer, frame):
    # Not writelines(): that of Python 3.12 and 3.13 leaves a lost connection's descriptor with the
    # selector, and the next connection of that number then hangs.
    length = struct.pack('>i', len(frame))
    if len(frame) <= COPIED_FRAME_BYTES_MAX:
        writer.write(length + frame)
    else:
        writer.write(length)
        writer.write(frame)
    await writer.drain()


def uvarint(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def string(text, flexible=False):
    """STRING or COMPACT_STRING; of either kind the nullable one if `text` is None."""
    if text is None:
        return b'\0' if flexible else struct.pack('>h', -1)
    data = text.encode()
    return (uvarint(len(data) + 1) if flexible else struct.pack('>h', len(data))) + data


def byte_array(data, flexible=False):
    """BYTES or COMPACT_BYTES."""
    return (uvarint(len(data) + 1) if flexible else struct.pack('>i', len(data))) + data


class Cursor:
    """Reads a frame field by field, in the plain or in the flexible encoding."""

    def __init__(self, frame, position, flexible):
        self.frame = frame
        self.position = position
        self.flexible = flexible

    def take(self, count):
        start = self.position
        # A null has the length -1.
        self.position += max(count, 0)
        if self.position > len(self.frame):
            raise ProtocolError('a frame ends within a field')
        return self.frame[start:self.position]

    def int16(self):
        return struct.unpack('>h', self.take(2))[0]

    def int32(self):
        return struct.unpack('>i', self.take(4))[0]

    def uvarint(self):
        value = shift = 0
        while True:
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def string(self):
        return self.take(self.uvarint() - 1 if self.flexible else self.int16())

    def byte_array(self):
        return self.take(self.uvarint() - 1 if self.flexible else self.int32())

    def array_length(self):
        return self.uvarint() - 1 if self.flexible else self.int32()

    def skip_tags(self):
        """Tagged fields, which only the flexible encoding has."""
        for _ in range(self.uvarint() if self.flexible else 0):
            self.uvarint()
            self.take(self.uvarint())


class Request:
    """A request's header; `frame` is the whole of it."""

    __slots__ = ('key', 'version', 'correlation', 'frame', 'transaction')

    def __init__(self, frame):
        if len(frame) < 10:
            raise ProtocolError('a request without a header')
        self.key, self.version, self.correlation = struct.unpack_from('>hhi', frame)
        self.frame = frame

    def body(self, flexible):
        # The client's id keeps the plain encoding even in a flexible header, before the tags.
        cursor = Cursor(self.frame, 8, flexible=False)
        cursor.string()
        cursor.flexible = flexible
        cursor.skip_tags()
        return cursor


# --- Where the broker is --------------------------------------------------------------------------


def answer_body(answer, flexible):
    cursor = Cursor(answer, 4, flexible)
    cursor.skip_tags()
    return cursor


def find_endpoint(cursor):
    """Where a host and its port stand in the answer; an empty range if there is none."""
    start = cursor.position
    host = cursor.string()
    cursor.int32()
    # FindCoordinator names no host in its errors.
    return (start, cursor.position) if host else (start, start)


def metadata_endpoints(answer, version):
    cursor = answer_body(answer, flexible=version >= 9)
    if version >= 3:
        cursor.int32()  # throttle time
    for _ in range(cursor.array_length()):
        cursor.int32()  # node
        yield find_endpoint(cursor)
        if version >= 1:
            cursor.string()  # rack
        cursor.skip_tags()


def coordinator_endpoints(answer, version):
    cursor = answer_body(answer, flexible=version >= 3)
    if version >= 1:
        cursor.int32()  # throttle time
    if version < 4:
        cursor.int16()  # error
        if version >= 1:
            cursor.string()  # its message
        cursor.int32()  # node
        yield find_endpoint(cursor)
        return
    for _ in range(cursor.array_length()):
        cursor.string()  # key
        cursor.int32()  # node
        yield find_endpoint(cursor)
        cursor.int16()  # error
        cursor.string()  # its message
        cursor.skip_tags()


# What finds the endpoints in an answer, and the first version that is flexible.
ENDPOINTS = {METADATA: (metadata_endpoints, 9), FIND_COORDINATOR: (coordinator_endpoints, 3)}


def redirect(request, answer, address):
    """The answer with the proxy's address in place of the broker's."""
    endpoints, first_flexible = ENDPOINTS[request.key]
    host, port = address
    here = string(host, request.version >= first_flexible) + struct.pack('>i', port)
    parts, kept = [], 0
    for start, end in endpoints(answer, request.version):
        if start < end:
            parts += [answer[kept:start], here]
            kept = end
    parts.append(answer[kept:])
    return b''.join(parts)


# --- Authentication -------------------------------------------------------------------------------
#
# A mechanism's respond() takes the client's token and returns the server's. It sets `done` when
# the client is known, and raises AuthenticationError when it will not be.


class Plain:
    """RFC 4616."""

    def __init__(self, user, password):
        self.accepted = [b'\0'.join((identity, user.encode(), password.encode()))
                         for identity in (b'', user.encode())]
        self.done = False

    def respond(self, token):
        if token not in self.accepted:
            raise AuthenticationError('Authentication failed: invalid username or password')
        self.done = True
        return b''


class OAuthBearer:
    """RFC 7628. It fails at once: the RFC's challenge before that is left out."""

    def __init__(self, token):
        self.accepted = token
        self.done = False

    def respond(self, token):
        # gs2-header 0x01 key=value 0x01 ... 0x01; clients may add more keys.
        header, *pairs, last, end = token.decode().split('\x01')
        values = dict(pair.split('=', 1) for pair in pairs)
        scheme, _, bearer = values.get('auth', '').partition(' ')
        well_formed = header[:2] == 'n,' and header[-1] == ',' and last == end == ''
        if not well_formed or scheme.lower() != 'bearer' or bearer != self.accepted:
            raise AuthenticationError('Authentication failed: invalid token')
        self.done = True
        return b''


class Scram:
    """RFC 5802 and 7677, without channel binding."""

    def __init__(self, user, password, algorithm):
        self.user = user
        self.password = password
        self.algorithm = algorithm
        self.header = None
        self.first_messages = None
        self.nonces = None
        self.salt = os.urandom(16)
        self.done = False

    def respond(self, token):
        return (self.final if self.first_messages else self.first)(token.decode()).encode()

    def first(self, message):
        flag, identity, bare = message.split(',', 2)
        values = dict(pair.split('=', 1) for pair in bare.split(','))
        # A comma and an equals sign have names, because they separate.
        user = values['n'].replace('=2C', ',').replace('=3D', '=')
        if flag not in ('n', 'y') or user != self.user:
            raise self.failure()
        self.header = f'{flag},{identity},'
        nonce = values['r'] + base64.b64encode(os.urandom(18)).decode()
        # librdkafka before 2.6.1, such as that of Debian 12's kcat, sends its own part twice.
        # Kafka 3 lets that pass, too.
        self.nonces = (nonce, values['r'] + nonce)
        salt = base64.b64encode(self.salt).decode()
        answer = f'r={nonce},s={salt},i={SCRAM_ITERATIONS}'
        self.first_messages = f'{bare},{answer}'
        return answer

    def final(self, message):
        unproved, proof = message.rsplit(',p=', 1)
        values = dict(pair.split('=', 1) for pair in unproved.split(','))
        header = base64.b64decode(values['c']).decode()
        if values['r'] not in self.nonces or header != self.header:
            raise self.failure()
        signed = f'{self.first_messages},{unproved}'
        salted = hashlib.pbkdf2_hmac(
            self.algorithm, self.password.encode(), self.salt, SCRAM_ITERATIONS)
        client_key = self.mac(salted, 'Client Key')
        signature = self.mac(hashlib.new(self.algorithm, client_key).digest(), signed)
        expected = bytes(a ^ b for a, b in zip(client_key, signature))
        if not hmac.compare_digest(base64.b64decode(proof), expected):
            raise self.failure()
        self.done = True
        server_signature = self.mac(self.mac(salted, 'Server Key'), signed)
        return f'v={base64.b64encode(server_signature).decode()}'

    def mac(self, key, text):
        return hmac.new(key, text.encode(), self.algorithm).digest()

    @staticmethod
    def failure():
        return AuthenticationError('Authentication failed: invalid SCRAM credentials')


def mechanisms(options):
    """By name, what makes the mechanisms that the command line asks for."""
    found = {}
    if options.sasl:
        user, password = options.sasl
        found['PLAIN'] = lambda: Plain(user, password)
        found['SCRAM-SHA-256'] = lambda: Scram(user, password, 'sha256')
        found['SCRAM-SHA-512'] = lambda: Scram(user, password, 'sha512')
    if options.oauth:
        found['OAUTHBEARER'] = lambda: OAuthBearer(options.oauth)
    return found


class Authentication:
    """The server's side of SASL on one connection. Its answers come with the error in them."""

    def __init__(self, offered):
        self.offered = offered
        self.mechanism = None

    @property
    def done(self):
        return self.mechanism is not None and self.mechanism.done

    def answer(self, request):
        if request.key == SASL_HANDSHAKE:
            return self.handshake(request)
        return self.authenticate(request)

    def handshake(self, request):
        name = bytes(request.body(flexible=False).string()).decode(errors='replace')
        error = 0
        if request.version != 1:
            # After version 0 the tokens would come without a header. Nobody has done so for years.
            error = UNSUPPORTED_VERSION
        elif name not in self.offered:
            error = UNSUPPORTED_SASL_MECHANISM
        else:
            self.mechanism = self.offered[name]()
        names = b''.join(string(each) for each in self.offered)
        header = struct.pack('>ihi', request.correlation, error, len(self.offered))
        return error, header + names

    def authenticate(self, request):
        if request.version > 2:
            raise ProtocolError(f'SaslAuthenticate of version {request.version}')
        flexible = request.version == 2
        error, message, token = self.respond(request.body(flexible).byte_array())
        parts = [
            struct.pack('>i', request.correlation),
            b'\0' if flexible else b'',  # the header's tags
            struct.pack('>h', error),
            string(message, flexible),
            byte_array(token, flexible),
            struct.pack('>q', 0) if request.version >= 1 else b'',  # the session does not end
            b'\0' if flexible else b'',  # the body's tags
        ]
        return error, b''.join(parts)

    def respond(self, token):
        if self.mechanism is None:
            return ILLEGAL_SASL_STATE, 'SaslHandshake must come first', b''
        try:
            return 0, None, self.mechanism.respond(token)
        except AuthenticationError as error:
            return SASL_AUTHENTICATION_FAILED, str(error), b''
        except (ValueError, KeyError, IndexError):
            return SASL_AUTHENTICATION_FAILED, 'Authentication failed: malformed token', b''


# --- Connections ----------------------------------------------------------------------------------


# For the answers that a command swallows: what it sets, and what counts it.
SWALLOWED = {
    PRODUCE: ('drop_ack', 'acks_dropped'),
    END_TXN: ('drop_end_txn', 'end_txns_dropped'),
    TXN_OFFSET_COMMIT: ('drop_offsets', 'offsets_dropped'),
}


# Requests that begin with a transactional id, and from which version on they are flexible.
TRANSACTIONAL = {
    INIT_PRODUCER_ID: 2, ADD_PARTITIONS_TO_TXN: 3, ADD_OFFSETS_TO_TXN: 3, END_TXN: 3,
}


class Transactions:
    """Which transactions are open, by transactional id."""

    def __init__(self, state):
        self.state = state
        self.ids = set()

    def begin(self, request):
        if self.state.quiesce and request.transaction not in self.ids:
            raise Disconnect
        self.ids.add(request.transaction)
        self.state.open = len(self.ids)

    def end(self, request):
        self.ids.discard(request.transaction)
        self.state.open = len(self.ids)


class Connection:
    """A client's connection and the one to the broker that belongs to it."""

    def __init__(self, state, transactions, address, offered, client, broker):
        self.state = state
        self.transactions = transactions
        self.address = address
        self.client_reader, self.client_writer = client
        self.broker_reader, self.broker_writer = broker
        self.authentication = Authentication(offered) if offered else None
        # Requests that the broker has not answered yet.
        self.pending = collections.deque()
        self.idle = asyncio.Event()
        self.idle.set()
        # (due time, request's key, answer); an answer of None ends the connection.
        self.answers = asyncio.Queue(WAITING_ANSWERS_MAX)
        self.upstream_free = 0.0

    async def run(self):
        """Returns when the connection is over."""
        directions = (self.pass_requests(), self.take_answers(), self.pass_answers())
        tasks = [asyncio.create_task(each) for each in directions]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        except ProtocolError:
            self.state.protocol_errors += 1
        except (Disconnect, asyncio.IncompleteReadError, OSError):
            pass
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def pass_requests(self):
        while True:
            frame = await read_frame(self.client_reader)
            if frame is None:
                # A client that only ends its own side still gets its answers.
                self.broker_writer.write_eof()
                return
            request = Request(frame)
            self.state.requests += 1
            if self.authentication is None:
                await self.forward(request)
            elif request.key in (SASL_HANDSHAKE, SASL_AUTHENTICATE):
                if not await self.authenticate(request):
                    return
            elif self.authentication.done or request.key == API_VERSIONS:
                await self.forward(request)
            else:
                raise Disconnect

    async def authenticate(self, request):
        """False if it failed, which ends the connection once the answer is out."""
        if self.authentication.done:
            # Sessions have no end, so there is nothing to renew.
            raise Disconnect
        # Before this only ApiVersions was passed on; its answer may still be on its way.
        await self.idle.wait()
        error, answer = self.authentication.answer(request)
        await self.enqueue(request.key, answer)
        if error:
            self.state.auth_failed += 1
            await self.enqueue(request.key, None)
        return not error

    async def forward(self, request):
        if request.key == PRODUCE:
            self.state.produce += 1
            if self.state.spend('drop_req', 'reqs_dropped'):
                raise Disconnect
        if request.key in TRANSACTIONAL:
            is_flexible = request.version >= TRANSACTIONAL[request.key]
            request.transaction = bytes(request.body(is_flexible).string())
        frame = request.frame
        # Only the header is needed until the answer comes.
        request.frame = None
        self.pending.append(request)
        self.idle.clear()
        if request.key in (ADD_PARTITIONS_TO_TXN, ADD_OFFSETS_TO_TXN):
            self.transactions.begin(request)
        if self.state.slow:
            await self.trickle(memoryview(struct.pack('>i', len(frame)) + frame))
        else:
            await write_frame(self.broker_writer, frame)

    async def trickle(self, unsent):
        clock = asyncio.get_running_loop().time
        while unsent:
            await asyncio.sleep(self.upstream_free - clock())
            # Asked for each portion, so that `slow 0` frees a request that is on its way.
            portion = self.state.slow or len(unsent)
            sent, unsent = unsent[:portion], unsent[portion:]
            self.broker_writer.write(sent)
            await self.broker_writer.drain()
            # A tick that was overslept is made up for, but no more: that would be a burst.
            since = max(self.upstream_free, clock() - SLOW_TICK_SECONDS)
            self.upstream_free = since + SLOW_TICK_SECONDS * len(sent) / portion

    async def take_answers(self):
        while True:
            answer = await read_frame(self.broker_reader)
            if answer is None:
                # The broker never ends its side alone. To keep the client's open would hide that
                # the broker is gone: what the client then writes would get no reset.
                await self.enqueue(None, None)
                return
            request = self.answered(*struct.unpack_from('>i', answer))
            if request.key in (INIT_PRODUCER_ID, END_TXN):
                self.transactions.end(request)
            if request.key in ENDPOINTS:
                answer = redirect(request, answer, self.address)
            await self.enqueue(request.key, answer)

    def answered(self, correlation):
        """Takes the request from those pending."""
        while self.pending:
            request = self.pending.popleft()
            if request.correlation == correlation:
                if not self.pending:
                    self.idle.set()
                return request
            # Answers come in order, so this one wanted none: Produce with acks=0.
        raise ProtocolError(f'an answer to no request: {correlation}')

    async def enqueue(self, key, answer):
        due = asyncio.get_running_loop().time() + self.state.delay / 1000
        await self.answers.put((due, key, answer))

    async def pass_answers(self):
        clock = asyncio.get_running_loop().time
        while True:
            due, key, answer = await self.answers.get()
            if due > clock():
                await asyncio.sleep(due - clock())
            if answer is None:
                raise Disconnect
            if key in SWALLOWED and self.state.spend(*SWALLOWED[key]):
                raise Disconnect
            self.state.answers += 1
            await write_frame(self.client_writer, answer)


class Tls:
    """Has the context for new connections, made again when a file has changed."""

    def __init__(self, certificate, key, client_ca, state):
        self.certificate = certificate
        self.key = key
        self.client_ca = client_ca
        self.state = state
        self.load()

    def load(self):
        # The stamp comes first: what changes while the files are read is noticed next time.
        self.stamp = self.files()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if self.client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.client_ca)
        self.context = context

    def reload(self):
        """Keeps the old context if the files cannot be used, such as halfway through a change."""
        try:
            self.load()
        except OSError as error:
            self.stamp = None
            complain(f'the certificates are not taken: {error}')
            return
        self.state.reloads += 1

    def files(self):
        paths = [path for path in (self.certificate, self.key, self.client_ca) if path]
        found = [os.stat(path) for path in paths]
        return [(each.st_mtime_ns, each.st_size, each.st_ino) for each in found]

    def current(self):
        try:
            changed = self.files() != self.stamp
        except OSError:
            changed = True
        if changed:
            self.reload()
        return self.context


async def open_stream(sock, context=None):
    """A reader and a writer for an accepted socket.

    asyncio.start_server() would keep one TLS context for all its life.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(READ_BUFFER_BYTES)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(
        lambda: protocol, sock, ssl=context,
        ssl_handshake_timeout=HANDSHAKE_SECONDS if context else None)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


class Proxy:
    def __init__(self, options):
        self.state = State()
        self.address = options.listen
        self.broker = options.broker
        self.offered = mechanisms(options)
        self.tls = Tls(*options.tls, options.client_ca, self.state) if options.tls else None
        self.clients = set()
        self.transactions = Transactions(self.state)

    async def serve(self, sock):
        self.state.conns += 1
        if self.state.refuse:
            self.state.refused += 1
            sock.close()
            return
        self.state.live += 1
        try:
            await self.connect(sock)
        finally:
            self.state.live -= 1

    async def connect(self, sock):
        try:
            client = await open_stream(sock, self.tls and self.tls.current())
        except OSError:
            self.state.tls_failed += 1
            return
        with closing(client[1]):
            try:
                broker = await asyncio.open_connection(*self.broker, limit=READ_BUFFER_BYTES)
            except OSError:
                self.state.broker_failed += 1
                return
            with closing(broker[1]):
                await Connection(
                    self.state, self.transactions, self.address, self.offered, client, broker
                ).run()

    async def cut(self):
        await cancel(self.clients)


@contextlib.contextmanager
def closing(writer):
    try:
        yield
    except asyncio.CancelledError:
        # It was cut: what is not out yet must not go out.
        writer.transport.abort()
        raise
    finally:
        writer.close()


class Control:
    """The control port."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.clients = set()

    async def serve(self, sock):
        reader, writer = await open_stream(sock)
        with closing(writer), contextlib.suppress(OSError):
            while True:
                line = await reader.readline()
                if not line:
                    return
                words = line.decode(errors='replace').split()
                if words:
                    writer.write(json.dumps(await self.answer(words)).encode() + b'\n')
                    await writer.drain()

    async def answer(self, words):
        try:
            await self.execute(*words)
        except (TypeError, ValueError) as error:
            return {'error': str(error), **dataclasses.asdict(self.proxy.state)}
        return dataclasses.asdict(self.proxy.state)

    async def execute(self, name, value=None):
        state = self.proxy.state
        if name in ('drop-ack', 'drop-req', 'drop-end-txn', 'drop-offsets', 'delay', 'slow'):
            setattr(state, name.replace('-', '_'), natural(name, value))
        elif name == 'refuse' and value in ('on', 'off'):
            state.refuse = value == 'on'
        elif name == 'quiesce' and value in ('on', 'off'):
            state.quiesce = value == 'on'
        elif name == 'cut' and value is None:
            await self.proxy.cut()
        elif name == 'reload' and value is None and self.proxy.tls:
            self.proxy.tls.reload()
        elif name != 'stat' or value is not None:
            raise ValueError('unknown command: ' + ' '.join(filter(None, (name, value))))


def natural(name, value):
    if value is None or not (value.isascii() and value.isdigit()):
        raise ValueError(f'{name} needs a number')
    return int(value)


# --- The process ----------------------------------------------------------------------------------


def complain(message):
    print(f'kafka-proxy: {message}', file=sys.stderr, flush=True)


def listen(address):
    family = socket.AF_INET6 if ':' in address[0] else socket.AF_INET
    sock = socket.create_server(address, family=family)
    sock.setblocking(False)
    return sock


async def accept(listener, server):
    """Gives each new connection a task of the server's."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            sock, _ = await loop.sock_accept(listener)
        except OSError as error:
            # Such as no more descriptors: those that are open go on, and will end.
            complain(f'a connection was not accepted: {error}')
            await asyncio.sleep(0.1)
            continue
        # asyncio does this only for a socket that was made with the protocol's number.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = loop.create_task(server.serve(sock))
        server.clients.add(task)
        task.add_done_callback(server.clients.discard)


async def cancel(tasks):
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def run(options):
    # It warns of each write to a connection that is lost, before drain() can tell of the loss.
    logging.getLogger('asyncio').setLevel(logging.ERROR)
    proxy = Proxy(options)
    control = Control(proxy)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    acceptors = [asyncio.create_task(accept(listen(options.listen), proxy))]
    if options.ctl:
        listener = listen(('127.0.0.1', options.ctl))
        acceptors.append(asyncio.create_task(accept(listener, control)))
    print(ready_line(options), flush=True)
    await stop.wait()
    await cancel(acceptors)
    await cancel(proxy.clients | control.clients)


def ready_line(options):
    parts = ['%s:%d -> %s:%d' % (*options.listen, *options.broker)]
    if options.tls:
        parts.append('mutual tls' if options.client_ca else 'tls')
    if options.sasl or options.oauth:
        parts.append('sasl ' + ','.join(mechanisms(options)))
    if options.ctl:
        parts.append(f'ctl {options.ctl}')
    return 'proxy ready ' + ', '.join(parts)


def host_and_port(text):
    host, _, port = text.rpartition(':')
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f'{text!r} is not HOST:PORT')
    return host.strip('[]'), int(port)


def user_and_password(text):
    user, colon, password = text.partition(':')
    if not user or not colon:
        raise argparse.ArgumentTypeError('must be USER:PASSWORD')
    return user, password


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--listen', metavar='HOST:PORT', type=host_and_port, required=True,
                        help='where clients connect, and what they are told that the broker is')
    parser.add_argument('--broker', metavar='HOST:PORT', type=host_and_port, required=True)
    parser.add_argument('--tls', nargs=2, metavar=('CERT', 'KEY'),
                        help='PEM files; read again for a new connection if they have changed')
    parser.add_argument('--client-ca', metavar='CA',
                        help='clients need a certificate of this authority (with --tls)')
    parser.add_argument('--sasl', metavar='USER:PASSWORD', type=user_and_password,
                        help='clients need PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512')
    parser.add_argument('--oauth', metavar='TOKEN',
                        help='clients need OAUTHBEARER with this very token (or --sasl, if given)')
    parser.add_argument('--ctl', metavar='PORT', type=int, help='control port, on 127.0.0.1')
    options = parser.parse_args()
    if options.client_ca and not options.tls:
        parser.error('--client-ca needs --tls')
    return options


def main():
    try:
        asyncio.run(run(parse_arguments()))
    except OSError as error:
        sys.exit(f'kafka-proxy: {error}')


if __name__ == '__main__':
    main()
