package io.drover.streams;

import java.nio.charset.StandardCharsets;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/** Bounded UTF-8 in a frame: for people, never on the hot path. */
public final class Text {
    /** What is longer is cut off between two code points. */
    public static final int MAX_BYTES = 1024;

    private Text() {}

    /** Returns the bytes written. */
    static int write(final String text, final MutableDirectBuffer buffer, final int index) {
        final byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        int length = Math.min(utf8.length, MAX_BYTES);
        while (length < utf8.length && length > 0 && (utf8[length] & 0xc0) == 0x80) {
            length--;
        }
        buffer.putBytes(index, utf8, 0, length);
        return length;
    }

    /** Bytes that are no UTF-8 become replacement characters. */
    static String read(final DirectBuffer buffer, final int index, final int length) {
        final byte[] utf8 = new byte[length];
        buffer.getBytes(index, utf8);
        return new String(utf8, StandardCharsets.UTF_8);
    }
}
