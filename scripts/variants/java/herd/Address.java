// SPDX-License-Identifier: MIT
package herd;

import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Addresses as they stand in logs: 127.0.0.1:10000, [::1]:10000. */
final class Address {
    private static final Pattern ZEROS = Pattern.compile("(^|:)0(:0)+(:|$)");

    private Address() {}

    static String text(SocketAddress address) {
        if (!(address instanceof InetSocketAddress)) {
            return "unknown"; // it has gone already
        }
        InetSocketAddress internet = (InetSocketAddress) address;
        String host = internet.getAddress().getHostAddress();
        if (internet.getAddress() instanceof Inet6Address) {
            host = "[" + shorten(host) + "]";
        }
        return host + ":" + internet.getPort();
    }

    /** Without its longest run of zeros (RFC 5952). */
    private static String shorten(String host) {
        Matcher zeros = ZEROS.matcher(host);
        int begin = 0;
        int end = 0;
        while (zeros.find()) {
            if (zeros.end() - zeros.start() > end - begin) {
                begin = zeros.start();
                end = zeros.end();
            }
        }
        return end == 0 ? host : host.substring(0, begin) + "::" + host.substring(end);
    }
}
