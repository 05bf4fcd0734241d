# SPDX-License-Identifier: MIT
"""Google's legacy Nearby Search, asked over connections that are kept (PROTOCOL R10, R13-R15)."""
import asyncio
import decimal
import os
import re
import urllib.parse
import zlib

import aiohttp
import yarl

import jsonlayout
from config import ConfigError

BASE_URL = "https://maps.googleapis.com"
PATH = "/maps/api/place/nearbysearch/json"
BODY_MAX = 4 << 20  # bytes, unpacked
KEY_MAX = 1024      # bytes
MESSAGE_MAX = 1000  # characters of a message of Google's that are told on

ANSWERS = {"OK", "ZERO_RESULTS"}
FAILURES = {"INVALID_REQUEST", "OVER_QUERY_LIMIT", "REQUEST_DENIED", "UNKNOWN_ERROR"}
STATUS_OF_HTTP = {400: "INVALID_REQUEST", 401: "REQUEST_DENIED", 403: "REQUEST_DENIED", 429: "OVER_QUERY_LIMIT"}
NANODEGREE = decimal.Decimal("1e-9")


def _empty(status, message=None):
    told = {} if message is None else {"error_message": message}
    return jsonlayout.lay_out({**told, "html_attributions": [], "results": [], "status": status})


NOTHING = _empty("ZERO_RESULTS")


class Failure(Exception):
    """A lookup that found out nothing: status and a sentence for the client, without URL or key."""

    def __init__(self, message, status="UNKNOWN_ERROR"):
        super().__init__(message)
        self.status = status


def _read_key(key_file):
    """The API key, of the file or the environment."""
    source = f"[places] key_file: {key_file}" if key_file else "the environment variable HERD_PLACES_KEY"
    try:
        if key_file:
            with open(key_file, encoding="ascii") as file:
                key = file.read(KEY_MAX + 1).strip()
        else:
            key = os.environ.get("HERD_PLACES_KEY", "").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "it is not ASCII")
        raise ConfigError(f"{source} cannot be read: {reason}") from error
    if not re.fullmatch(r"[!-~]+", key) or len(key) > KEY_MAX:
        raise ConfigError(f"{source} holds no API key")
    return key


def _degrees(text):
    """As a URL takes it: no plus, which a server would read as a blank."""
    value = decimal.Decimal(text).quantize(NANODEGREE, decimal.ROUND_DOWN).normalize()
    return f"{value:f}"


def _unpacked(body, encoding):
    if not encoding or encoding == "identity":
        return body
    if encoding != "gzip":
        raise Failure("The answer of the places provider is packed in a way that nobody asked for.")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(body, BODY_MAX)
    except zlib.error as error:
        raise Failure("The answer of the places provider is not gzip.") from error
    if not unpacker.eof:
        raise Failure("The answer of the places provider is too large, or cut off.")
    return text


def _is_whole(answer):
    """Whether that is an answer in Google's format. Some of its errors come without results."""
    if not isinstance(answer, dict) or not isinstance(answer.get("html_attributions", []), list):
        return False
    results = answer.get("results", [] if answer.get("status") != "OK" else None)
    status = answer.get("status")
    return (type(status) is str and status in ANSWERS | FAILURES and isinstance(results, list) and
            all(isinstance(result, dict) for result in results))


class GoogleLegacy:
    def __init__(self, config):
        """ConfigError: there is no key."""
        self.key = _read_key(config.key_file)
        self.base_url = config.url or BASE_URL
        self.timeout_s = config.timeout_s
        self.connections = config.max_lookups
        self.session = None

    async def open(self):
        # Nothing is kept but connections: no cookies, no proxy or .netrc of the environment.
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self.connections),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "gzip"},
            timeout=aiohttp.ClientTimeout(total=None),  # _ask() has one for all of it
            auto_decompress=False)  # _unpacked() has a bound

    async def close(self):
        await self.session.close()

    async def nearby(self, place, radius, bound):
        """The JSON of a reply to WHATSAT. @place and @radius as the clients wrote them; never raises."""
        try:
            status, body = await self._ask(self._url(place.decode(), radius.decode()))
            return self._answer(status, body, bound)
        except Failure as failure:
            return _empty(failure.status, str(failure))

    def _url(self, place, radius):
        split = max(place.rfind("+"), place.rfind("-"))
        metres = decimal.Decimal(radius).scaleb(3)
        return yarl.URL(f"{self.base_url}{PATH}?location={_degrees(place[:split])},{_degrees(place[split:])}"
                        f"&radius={metres:f}&key={urllib.parse.quote(self.key, safe='')}", encoded=True)

    async def _ask(self, url):
        """HTTP status and body, or Failure."""
        try:
            async with asyncio.timeout(self.timeout_s):
                try:
                    return await self._get(url)
                except aiohttp.ServerDisconnectedError:
                    # Of a connection that was kept, and closed by the provider just then: once more, on another.
                    return await self._get(url)
        except TimeoutError as error:
            raise Failure(f"The places provider did not answer within {self.timeout_s:g} s.") from error
        except aiohttp.ClientConnectorError as error:
            raise Failure("The places provider cannot be connected to.") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Failure("The connection to the places provider broke, or what came was not HTTP.") from error

    async def _get(self, url):
        async with self.session.get(url, allow_redirects=False) as response:
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > BODY_MAX:
                    raise Failure("The answer of the places provider is too large.")
            return response.status, _unpacked(bytes(body), response.headers.get("Content-Encoding"))

    def _answer(self, http_status, body, bound):
        try:
            answer = jsonlayout.parse(body)
            whole = _is_whole(answer)
            if whole and http_status == 200 and answer["status"] in ANSWERS:
                answer.setdefault("html_attributions", [])
                answer["results"] = answer.get("results", [])[:bound]
                return jsonlayout.lay_out(answer)
        except (ValueError, RecursionError):
            whole = False
        if whole and answer["status"] in FAILURES:
            message = answer.get("error_message")
            return _empty(answer["status"], self._scrubbed(message) if type(message) is str else None)
        if http_status != 200:
            raise Failure(f"The places provider answered with HTTP status {http_status}.",
                          STATUS_OF_HTTP.get(http_status, "UNKNOWN_ERROR"))
        raise Failure("The answer of the places provider is not a Nearby Search answer.")

    def _scrubbed(self, message):
        """PROTOCOL R15: no URL, path or key, in words of the provider's own."""
        message = re.sub(r"\w+://\S*[^\s.,;:!?()'\"]", "[url]", message).replace(PATH, "[url]")
        for secret in (self.key, urllib.parse.quote(self.key, safe="")):
            message = message.replace(secret, "[key]")
        return message[:MESSAGE_MAX]


class NoPlaces:
    """For a configuration that names no provider."""

    async def open(self):
        pass

    async def close(self):
        pass

    async def nearby(self, place, radius, bound):
        return _empty("UNKNOWN_ERROR", "This member has no places provider.")
