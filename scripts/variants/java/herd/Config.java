// SPDX-License-Identifier: MIT
package herd;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** What a member needs of the herd's configuration file. Options that it does not have are passed over. */
final class Config {
    /** A mistake in the file; the message is one line that names it. */
    static final class Mistake extends Exception {
        Mistake(String message) {
            super(message);
        }
    }

    record Member(String name, List<InetSocketAddress> addresses, String listen, TreeSet<String> neighbours) {}

    final Member self;
    final Map<String, Member> members = new LinkedHashMap<>();
    final Path logDir;
    final boolean logMessages;
    final int workers;
    final String url;
    final int timeoutMs;
    final int maxLookups;
    final int maxConnections;
    final int maxLine;
    final int maxFutureSkew; // seconds; 0: no bound

    private final Path path;
    private final Map<String, Map<String, String>> groups;

    Config(Path path, String name) throws Mistake {
        this.path = path;
        groups = readGroups(path);
        for (String group : groups.keySet()) {
            if (group.startsWith("member ")) {
                Member member = readMember(group);
                members.put(member.name, member);
            }
        }
        for (Member member : members.values()) {
            for (String neighbour : member.neighbours) {
                if (!members.containsKey(neighbour) || neighbour.equals(member.name)) {
                    throw mistake("member " + member.name, "neighbours", neighbour + " is no other member");
                }
            }
        }
        for (Member member : members.values()) { // a link is of both sides, whichever names it
            member.neighbours.forEach(neighbour -> members.get(neighbour).neighbours.add(member.name));
        }
        self = members.get(name);
        if (self == null) {
            throw new Mistake(path + ": there is no [member " + name + "]");
        }

        choice("herd", "places", "google-legacy", List.of("google-legacy"));
        logMessages = choice("herd", "log_messages", "all", List.of("all", "none")).equals("all");
        logDir = Path.of(text("herd", "log_dir", "log"));
        workers = number("herd", "workers", 64, 1, 1024);
        timeoutMs = number("places", "timeout_ms", 5000, 1, 600_000);
        int lookups = number("places", "max_lookups", 0, 0, 1024);
        maxLookups = lookups > 0 ? lookups : Math.max(1, workers * 3 / 4);
        maxConnections = number("limits", "max_connections", 10_000, 1, 1_000_000);
        maxLine = number("limits", "max_line", 4096, 256, 32_768);
        maxFutureSkew = number("limits", "max_future_skew_s", 0, 0, Integer.MAX_VALUE);
        url = text("places", "url", "https://maps.googleapis.com").replaceFirst("/+$", "");
        if (!url.matches("https?://[^/?#\\s]+")) {
            throw mistake("places", "url", "is not of the form scheme://host:port");
        }
    }

    /** The API key: from key_file, else from the environment. */
    String readKey() throws Mistake {
        String file = text("places", "key_file", "");
        String key = System.getenv("HERD_PLACES_KEY");
        if (!file.isEmpty()) {
            try {
                key = Files.readString(Path.of(file)).strip();
            } catch (IOException e) {
                throw mistake("places", "key_file", "cannot be read: " + e);
            }
        }
        if (key == null || key.isEmpty()) {
            throw mistake("places", "key_file", "there is no API key, neither there nor in HERD_PLACES_KEY");
        }
        return key;
    }

    private static Map<String, Map<String, String>> readGroups(Path path) throws Mistake {
        Map<String, Map<String, String>> groups = new LinkedHashMap<>();
        Map<String, String> group = null;
        List<String> lines;
        try {
            lines = Files.readAllLines(path, UTF_8);
        } catch (IOException e) {
            throw new Mistake(path + ": cannot be read: " + e);
        }
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            int equals = line.indexOf('=');
            if (line.startsWith("[") && line.endsWith("]")) {
                String name = line.substring(1, line.length() - 1).strip().replaceAll("\\s+", " ");
                group = groups.computeIfAbsent(name, key -> new LinkedHashMap<>());
            } else if (!line.isEmpty() && !line.startsWith("#")) {
                if (group == null || equals < 1) {
                    throw new Mistake(path + ": line " + (i + 1) + " is neither a group nor a key with its value");
                }
                group.put(line.substring(0, equals).strip(), line.substring(equals + 1).strip());
            }
        }
        return groups;
    }

    private Member readMember(String group) throws Mistake {
        Map<String, String> keys = groups.get(group);
        List<InetSocketAddress> addresses = new ArrayList<>();
        List<String> listen = list(keys.getOrDefault("listen", ""));
        for (String endpoint : listen) {
            int colon = endpoint.lastIndexOf(':');
            String host = endpoint.substring(0, Math.max(colon, 0));
            String port = endpoint.substring(colon + 1);
            if (host.isEmpty() || host.contains(":") && !host.matches("\\[.*]") || !port.matches("[1-9]\\d{0,4}")
                || Integer.parseInt(port) > 65535) {
                throw mistake(group, "listen", endpoint + " is neither host:port nor [v6]:port");
            }
            try {
                addresses.add(new InetSocketAddress(InetAddress.getByName(host), Integer.parseInt(port)));
            } catch (IOException e) {
                throw mistake(group, "listen", "there is no host " + host);
            }
        }
        if (addresses.isEmpty()) {
            throw mistake(group, "listen", "is missing: the address of this member, such as 127.0.0.1:10000");
        }
        return new Member(group.substring("member ".length()), addresses, String.join(", ", listen),
            new TreeSet<>(list(keys.getOrDefault("neighbours", ""))));
    }

    private static List<String> list(String value) {
        List<String> items = new ArrayList<>();
        for (String item : value.split(";")) {
            if (!item.isBlank()) {
                items.add(item.strip());
            }
        }
        return items;
    }

    /** The name of the group that has @key for this member: "limits Bailey" wins over "limits". */
    private String groupOf(String common, String key) {
        String own = common + " " + self.name;
        return groups.getOrDefault(own, Map.of()).containsKey(key) ? own : common;
    }

    private String text(String common, String key, String otherwise) {
        String value = groups.getOrDefault(groupOf(common, key), Map.of()).getOrDefault(key, "");
        return value.isEmpty() ? otherwise : value;
    }

    private String choice(String common, String key, String otherwise, List<String> known) throws Mistake {
        String value = text(common, key, otherwise);
        if (!known.contains(value)) {
            throw mistake(groupOf(common, key), key, value + " is not one of: " + String.join(", ", known));
        }
        return value;
    }

    private int number(String common, String key, int otherwise, int least, int most) throws Mistake {
        String value = text(common, key, Integer.toString(otherwise));
        if (!value.matches("\\d{1,18}") || Long.parseLong(value) < least || Long.parseLong(value) > most) {
            throw mistake(groupOf(common, key), key, value + " is no number from " + least + " to " + most);
        }
        return Integer.parseInt(value);
    }

    private Mistake mistake(String group, String key, String what) {
        return new Mistake(path + ": [" + group + "] " + key + ": " + what);
    }
}
