# SPDX-License-Identifier: MIT
"""The options of one member, of the herd's configuration (a GKeyFile). What is not known here is passed over."""
import configparser
import dataclasses
import re

PROVIDERS = ("google-legacy",)


class ConfigError(Exception):
    """What is wrong, in one line: file, group, key."""


@dataclasses.dataclass(frozen=True)
class Config:
    name: str
    listen: list           # of (host, port)
    neighbours: dict       # name -> the (host, port) at which it listens
    places: str            # a provider, or empty: there is none
    log_dir: str
    log_messages: bool
    url: str
    key_file: str
    timeout_s: float
    max_lookups: int       # 0: no bound but the connections
    max_connections: int
    max_line: int
    max_future_skew_s: int  # 0: no bound


def shown(host, port):
    """An address as it is written in configurations and logs."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Reader:
    """The groups of one file, as the member @name sees them."""

    def __init__(self, path, name):
        self.path, self.name = path, name
        self.groups = configparser.ConfigParser(
            delimiters="=", comment_prefixes="#", strict=False, interpolation=None, default_section="")
        self.groups.optionxform = str
        try:
            with open(path, encoding="utf-8") as file:
                self.groups.read_file(map(str.strip, file), path)
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}") from error
        except (configparser.Error, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} is no key file: {' '.join(str(error).split())}") from error

    def wrong(self, group, key, what):
        return ConfigError(f"{self.path}: [{group}] {key}: {what}")

    def text(self, group, key, default=""):
        """The option, of [GROUP NAME] if it is there, and the group that it is of."""
        for candidate in (f"{group} {self.name}", group):
            if self.groups.has_option(candidate, key):
                return self.groups[candidate][key], candidate
        return default, group

    def choice(self, group, key, default, choices):
        value, where = self.text(group, key, default)
        if value not in choices:
            raise self.wrong(where, key, f"{value} is none of {', '.join(filter(None, choices))}")
        return value

    def number(self, group, key, default, least, most):
        value, where = self.text(group, key, str(default))
        if not re.fullmatch(r"[0-9]{1,12}", value) or not least <= int(value) <= most:
            raise self.wrong(where, key, f"{value or 'nothing'} is no whole number from {least} to {most}")
        return int(value)

    def items(self, member, key):
        value = self.groups.get(f"member {member}", key, fallback="")
        return [item.strip() for item in value.split(";") if item.strip()]

    def endpoints(self, member):
        found = []
        for text in self.items(member, "listen"):
            match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\[\]:]+)):([0-9]{1,5})", text)
            if not match or not 0 < int(match[3]) < 65536:
                raise self.wrong(f"member {member}", "listen", f"{text} is not host:port or [v6]:port")
            found.append((match[1] or match[2], int(match[3])))
        if not found:
            raise self.wrong(f"member {member}", "listen", "it names no address")
        return found

    def neighbours(self):
        """Links go both ways, also where only one side names the other."""
        members = [group.removeprefix("member ") for group in self.groups.sections() if group.startswith("member ")]
        if self.name not in members:
            raise ConfigError(f"{self.path} has no [member {self.name}]")
        named = self.items(self.name, "neighbours")
        for name in named:
            if name not in members or name == self.name:
                raise self.wrong(f"member {self.name}", "neighbours", f"{name} is no other member of this herd")
        return {other: self.endpoints(other)[0] for other in members
                if other != self.name and (other in named or self.name in self.items(other, "neighbours"))}


def load(path, name):
    """Reads the file at @path for the member @name, or raises ConfigError."""
    reader = _Reader(path, name)
    url, group = reader.text("places", "url")
    if url and not re.fullmatch(r"https?://[^/?#@\s]+/?", url):
        raise reader.wrong(group, "url", f"{url} is not scheme://host:port with http or https")
    return Config(
        name=name,
        neighbours=reader.neighbours(),
        listen=reader.endpoints(name),
        places=reader.choice("herd", "places", "", ("", *PROVIDERS)),
        log_dir=reader.text("herd", "log_dir", "log")[0],
        log_messages=reader.choice("herd", "log_messages", "all", ("all", "none")) == "all",
        url=url.rstrip("/"),
        key_file=reader.text("places", "key_file")[0],
        timeout_s=reader.number("places", "timeout_ms", 5000, 1, 600_000) / 1000,
        max_lookups=reader.number("places", "max_lookups", 0, 0, 1_000_000),
        max_connections=reader.number("limits", "max_connections", 10_000, 1, 1_000_000),
        max_line=reader.number("limits", "max_line", 4096, 256, 32_768),
        max_future_skew_s=reader.number("limits", "max_future_skew_s", 0, 0, 366 * 86_400))
