// SPDX-License-Identifier: MIT
package herd;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** A value of a JSON text, with every digit of its numbers, and the one layout in which it is written (PROTOCOL R14). */
final class Json {
    enum Type { OBJECT, ARRAY, STRING, LITERAL }

    record Member(byte[] key, Json value) {}

    /** The text is not JSON, or has too many levels. */
    static final class Malformed extends Exception {}

    private static final int DEPTH_MAX = 64;
    private static final int ONE_LINE_BYTES = 73; // the most from [ to ] of an array on one line
    private static final byte[] HEX = "0123456789abcdef".getBytes(ISO_8859_1);

    final Type type;
    final byte[] text; // of a string: its UTF-8; of a number, true, false, null: as it was written
    final List<Member> members; // of an object, and of an array, then without keys

    private Json(Type type, byte[] text, List<Member> members) {
        this.type = type;
        this.text = text;
        this.members = members;
    }

    static Json string(String text) {
        return new Json(Type.STRING, text.getBytes(UTF_8), List.of());
    }

    static Json array() {
        return new Json(Type.ARRAY, null, new ArrayList<>());
    }

    static Json object() {
        return new Json(Type.OBJECT, null, new ArrayList<>());
    }

    Json with(String key, Json value) {
        members.add(new Member(key.getBytes(UTF_8), value));
        return this;
    }

    /** The value of @key, null if there is none or several. */
    Json get(String key) {
        byte[] wanted = key.getBytes(UTF_8);
        Json found = null;
        for (Member member : members) {
            if (Arrays.equals(member.key, wanted)) {
                if (found != null) {
                    return null;
                }
                found = member.value;
            }
        }
        return found;
    }

    boolean has(String key) {
        byte[] wanted = key.getBytes(UTF_8);
        return members.stream().anyMatch(member -> Arrays.equals(member.key, wanted));
    }

    static Json parse(byte[] text) throws Malformed {
        try {
            UTF_8.newDecoder().decode(ByteBuffer.wrap(text));
        } catch (CharacterCodingException e) {
            throw new Malformed();
        }
        Parser parser = new Parser(text);
        Json value = parser.value(0);
        parser.skipBlanks();
        if (parser.at < text.length) {
            throw new Malformed();
        }
        return value;
    }

    private static final class Parser {
        final byte[] text;
        int at;

        Parser(byte[] text) {
            this.text = text;
        }

        /** The byte that comes next, 0 at the end. */
        int peek() {
            return at < text.length ? text[at] : 0;
        }

        int peekPastBlanks() {
            skipBlanks();
            return peek();
        }

        void skipBlanks() {
            while (peek() == ' ' || peek() == '\n' || peek() == '\t' || peek() == '\r') {
                at++;
            }
        }

        void expect(int b) throws Malformed {
            if (peek() != b) {
                throw new Malformed();
            }
            at++;
        }

        Json value(int depth) throws Malformed {
            if (depth > DEPTH_MAX) {
                throw new Malformed();
            }
            switch (peekPastBlanks()) {
                case '{':
                    return new Json(Type.OBJECT, null, membersUpTo('}', depth));
                case '[':
                    return new Json(Type.ARRAY, null, membersUpTo(']', depth));
                case '"':
                    return new Json(Type.STRING, string(), List.of());
                case 't':
                    return word("true");
                case 'f':
                    return word("false");
                case 'n':
                    return word("null");
                default:
                    return number();
            }
        }

        List<Member> membersUpTo(int close, int depth) throws Malformed {
            List<Member> members = new ArrayList<>();
            at++;
            if (peekPastBlanks() == close) {
                at++;
                return members;
            }
            while (true) {
                byte[] key = null;
                if (close == '}') {
                    skipBlanks();
                    key = string();
                    skipBlanks();
                    expect(':');
                }
                members.add(new Member(key, value(depth + 1)));
                if (peekPastBlanks() != ',') {
                    expect(close);
                    return members;
                }
                at++;
            }
        }

        Json word(String word) throws Malformed {
            int begin = at;
            for (int i = 0; i < word.length(); i++) {
                expect(word.charAt(i));
            }
            return literal(begin);
        }

        Json number() throws Malformed {
            int begin = at;
            if (peek() == '-') {
                at++;
            }
            if (peek() == '0') {
                at++;
            } else {
                digits();
            }
            if (peek() == '.') {
                at++;
                digits();
            }
            if (peek() == 'e' || peek() == 'E') {
                at++;
                if (peek() == '+' || peek() == '-') {
                    at++;
                }
                digits();
            }
            return literal(begin);
        }

        void digits() throws Malformed {
            int begin = at;
            while (peek() >= '0' && peek() <= '9') {
                at++;
            }
            if (at == begin) {
                throw new Malformed();
            }
        }

        Json literal(int begin) {
            return new Json(Type.LITERAL, Arrays.copyOfRange(text, begin, at), List.of());
        }

        byte[] string() throws Malformed {
            expect('"');
            int begin = at;
            Bytes decoded = null; // none while nothing is escaped
            while (true) {
                if (at == text.length || text[at] >= 0 && text[at] < ' ') {
                    throw new Malformed();
                }
                int b = text[at++];
                if (b == '"') {
                    return decoded == null ? Arrays.copyOfRange(text, begin, at - 1) : decoded.toArray();
                }
                if (b == '\\') {
                    if (decoded == null) {
                        decoded = new Bytes(2 * (at - begin) + 32).add(text, begin, at - 1);
                    }
                    escape(decoded);
                } else if (decoded != null) {
                    decoded.add(b);
                }
            }
        }

        void escape(Bytes out) throws Malformed {
            int b = peek();
            at++;
            if (b == 'u') {
                char unit = hex4();
                if (Character.isHighSurrogate(unit) && at + 1 < text.length && text[at] == '\\' && text[at + 1] == 'u') {
                    int before = at;
                    at += 2;
                    char low = hex4();
                    if (Character.isLowSurrogate(low)) {
                        out.add(new String(new char[] {unit, low}).getBytes(UTF_8));
                        return;
                    }
                    at = before;
                }
                // Half a pair is no character, though JSON can write it.
                out.add(String.valueOf(Character.isSurrogate(unit) ? '\ufffd' : unit).getBytes(UTF_8));
                return;
            }
            int index = "\"\\/bfnrt".indexOf(b);
            if (index < 0) {
                throw new Malformed();
            }
            out.add("\"\\/\b\f\n\r\t".charAt(index));
        }

        char hex4() throws Malformed {
            int unit = 0;
            for (int i = 0; i < 4; i++) {
                int digit = Character.digit(peek(), 16);
                if (digit < 0) {
                    throw new Malformed();
                }
                at++;
                unit = unit << 4 | digit;
            }
            return (char) unit;
        }
    }

    void write(Bytes out) {
        write(out, 0);
    }

    private void write(Bytes out, int depth) {
        switch (type) {
            case OBJECT:
                writeObject(out, depth);
                break;
            case ARRAY:
                writeArray(out, depth);
                break;
            case STRING:
                writeString(out, text);
                break;
            default:
                out.add(text);
        }
    }

    private void writeObject(Bytes out, int depth) {
        if (members.isEmpty()) {
            out.add("{}");
            return;
        }
        List<Member> sorted = new ArrayList<>(members);
        sorted.sort(Comparator.comparing(Member::key, Arrays::compareUnsigned));
        out.add('{');
        for (int i = 0; i < sorted.size(); i++) {
            beginLine(out, i == 0 ? "" : ",", depth + 1);
            writeString(out, sorted.get(i).key);
            out.add(" : ");
            sorted.get(i).value.write(out, depth + 1);
        }
        beginLine(out, "", depth);
        out.add('}');
    }

    private void writeArray(Bytes out, int depth) {
        if (members.isEmpty()) {
            out.add("[]");
            return;
        }
        if (writeOnOneLine(out)) {
            return;
        }
        out.add('[');
        for (int i = 0; i < members.size(); i++) {
            beginLine(out, i == 0 ? "" : ",", depth + 1);
            members.get(i).value.write(out, depth + 1);
        }
        beginLine(out, "", depth);
        out.add(']');
    }

    /** False, and nothing is written, if the array does not go on one line. */
    private boolean writeOnOneLine(Bytes out) {
        int begin = out.length;
        for (Member member : members) {
            if (!member.value.members.isEmpty()) {
                return false;
            }
        }
        for (Member member : members) {
            out.add(out.length == begin ? "[ " : ", ");
            member.value.write(out, 0); // a scalar or empty: one line, whatever the depth
            if (out.length + 2 - begin > ONE_LINE_BYTES) {
                out.length = begin;
                return false;
            }
        }
        out.add(" ]");
        return true;
    }

    private static void beginLine(Bytes out, String before, int depth) {
        out.add(before).add('\n');
        for (int i = 0; i < depth; i++) {
            out.add("   ");
        }
    }

    private static void writeString(Bytes out, byte[] text) {
        int plain = 0; // where the text begins that is not written yet
        out.add('"');
        for (int i = 0; i < text.length; i++) {
            int b = text[i];
            if (b < 0 || b >= ' ' && b != '"' && b != '\\' && b != '<' && b != '>') {
                continue;
            }
            out.add(text, plain, i).add('\\');
            plain = i + 1;
            int index = "\"\\\b\f\n\r\t".indexOf(b);
            if (index >= 0) {
                out.add("\"\\bfnrt".charAt(index));
            } else {
                out.add("u00").add(HEX[b >> 4]).add(HEX[b & 15]);
            }
        }
        out.add(text, plain, text.length).add('"');
    }
}
