// SPDX-License-Identifier: MIT
package herd;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.SocketTimeoutException;
import java.net.URL;
import java.net.URLEncoder;
import java.util.Set;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Google's legacy Nearby Search. Whatever happens there, the answer has its shape (PROTOCOL R13-R15). Any thread. */
final class Google {
    private static final String PATH = "/maps/api/place/nearbysearch/json";
    private static final int BODY_MAX = 4 << 20;
    private static final Set<String> GOOD = Set.of("OK", "ZERO_RESULTS");
    private static final Set<String> BAD =
        Set.of("INVALID_REQUEST", "OVER_QUERY_LIMIT", "REQUEST_DENIED", "UNKNOWN_ERROR");

    private final String base;
    private final String key;
    private final int timeoutMs;
    private final ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(1, Google::daemon);

    Google(Config config, String key) {
        base = config.url + PATH + "?location=";
        this.key = key;
        timeoutMs = config.timeoutMs;
        timer.setRemoveOnCancelPolicy(true);
        System.setProperty("http.maxConnections", Integer.toString(config.maxLookups)); // that are kept alive
    }

    private static Thread daemon(Runnable first) {
        Thread thread = new Thread(first, "timer");
        thread.setDaemon(true);
        return thread;
    }

    /** The JSON of a reply to WHATSAT. Blocks, for as long as the timeout. */
    byte[] nearby(LocationRecord record, long millimetres, int bound) {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        try {
            HttpURLConnection http = (HttpURLConnection) url(record, millimetres).openConnection(Proxy.NO_PROXY);
            http.setInstanceFollowRedirects(false);
            http.setConnectTimeout(timeoutMs);
            http.setReadTimeout(timeoutMs); // for one read; what comes in drops has to be bounded beside it
            ScheduledFuture<?> cut = timer.schedule(http::disconnect, timeoutMs, TimeUnit.MILLISECONDS);
            int status;
            try {
                status = http.getResponseCode();
            } finally {
                cut.cancel(false);
            }
            InputStream body = status < 400 ? http.getInputStream() : http.getErrorStream();
            return answer(status, body == null ? new byte[0] : read(http, body, deadline), bound);
        } catch (TooLarge e) {
            return failure("UNKNOWN_ERROR", "The answer of the places provider is too large.");
        } catch (IOException | RuntimeException e) { // the latter where disconnect() took something from under it
            return failure("UNKNOWN_ERROR", System.nanoTime() - deadline >= 0
                ? "The places provider did not answer in time."
                : "The places provider cannot be reached, or broke off.");
        }
    }

    /** The whole body. One that is too late or too large takes its connection with it. */
    private static byte[] read(HttpURLConnection http, InputStream body, long deadline) throws IOException {
        Bytes bytes = new Bytes(16 << 10);
        byte[] piece = new byte[16 << 10];
        try (body) {
            int count;
            while ((count = body.read(piece)) >= 0) {
                bytes.add(piece, 0, count);
                if (bytes.length > BODY_MAX || System.nanoTime() - deadline >= 0) {
                    http.disconnect();
                    throw bytes.length > BODY_MAX ? new TooLarge() : new SocketTimeoutException();
                }
            }
        }
        return bytes.toArray();
    }

    private URL url(LocationRecord record, long millimetres) throws IOException {
        long[] degrees = record.degrees();
        return new URL(base + decimal(degrees[0], 9) + "," + decimal(degrees[1], 9) + "&radius=" + decimal(millimetres, 3)
            + "&key=" + URLEncoder.encode(key, UTF_8).replace("+", "%20"));
    }

    private static String decimal(long number, int scale) {
        return BigDecimal.valueOf(number, scale).stripTrailingZeros().toPlainString();
    }

    private byte[] answer(int httpStatus, byte[] body, int bound) {
        Json root = null;
        try {
            root = Json.parse(body);
        } catch (Json.Malformed e) {
            if (httpStatus == 200) {
                return failure("UNKNOWN_ERROR", "The answer of the places provider is not JSON.");
            }
        }
        String status = root == null ? "" : complete(root, bound);
        if (BAD.contains(status)) {
            return explain(root.get("error_message"), status);
        }
        if (httpStatus != 200) {
            return failure(statusOf(httpStatus), "The places provider answered with HTTP status " + httpStatus + ".");
        }
        if (!GOOD.contains(status)) {
            return failure("UNKNOWN_ERROR", "The answer of the places provider is not a Nearby Search answer.");
        }
        return text(root);
    }

    /** Makes @root a whole answer with at most @bound results and returns its status, "" if it is no answer. */
    private static String complete(Json root, int bound) {
        Json status = root.get("status");
        if (root.type != Json.Type.OBJECT || status == null || status.type != Json.Type.STRING) {
            return "";
        }
        String name = new String(status.text, UTF_8);
        if (!root.has("html_attributions")) {
            root.with("html_attributions", Json.array());
        }
        if (!root.has("results") && !name.equals("OK")) {
            root.with("results", Json.array());
        }
        Json results = root.get("results");
        Json attributions = root.get("html_attributions");
        if (results == null || results.type != Json.Type.ARRAY
            || attributions == null || attributions.type != Json.Type.ARRAY) {
            return "";
        }
        if (results.members.size() > bound) {
            results.members.subList(bound, results.members.size()).clear();
        }
        boolean objects = results.members.stream().allMatch(member -> member.value().type == Json.Type.OBJECT);
        return objects ? name : "";
    }

    /** What Google itself says about a failure, without the key and without addresses. */
    private byte[] explain(Json message, String status) {
        if (message == null || message.type != Json.Type.STRING) {
            return empty(status, null);
        }
        String text = new String(message.text, UTF_8).replaceAll("\\S*/\\S*", "[url]").replace(key, "[key]");
        return empty(status, text);
    }

    private static String statusOf(int httpStatus) {
        switch (httpStatus) {
            case 400:
                return "INVALID_REQUEST";
            case 401:
            case 403:
                return "REQUEST_DENIED";
            case 429:
                return "OVER_QUERY_LIMIT";
            default:
                return "UNKNOWN_ERROR";
        }
    }

    static byte[] failure(String status, String message) {
        return empty(status, message);
    }

    static byte[] nothing() {
        return empty("ZERO_RESULTS", null);
    }

    private static byte[] empty(String status, String message) {
        Json answer = Json.object()
            .with("html_attributions", Json.array())
            .with("results", Json.array())
            .with("status", Json.string(status));
        return text(message == null ? answer : answer.with("error_message", Json.string(message)));
    }

    private static byte[] text(Json root) {
        Bytes out = new Bytes(4096);
        root.write(out);
        return out.toArray();
    }

    private static final class TooLarge extends IOException {}
}
