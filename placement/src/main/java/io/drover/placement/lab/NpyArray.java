package io.drover.placement.lab;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An array of numbers in NumPy's {@code .npy} format, versions 1 to 3: C order, little-endian, one of the element types of
 * {@link Type}. The file is mapped, not read, so that opening a large trace costs nothing.
 *
 * <pre>
 *  0        6     8         8 + h            h = 2 bytes (version 1) or 4 bytes (versions 2 and 3)
 *  +--------+-----+---------+----------------------------------------+-----------+
 *  | magic  | ver | length  | {'descr': '|u1', 'shape': (t, l, k)} \n | elements  |
 *  +--------+-----+---------+----------------------------------------+-----------+
 * </pre>
 */
final class NpyArray {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final int MAX_HEADER_BYTES = 1 << 16;
    private static final Pattern DESCR = Pattern.compile("'descr'\\s*:\\s*'([^']*)'");
    private static final Pattern ORDER = Pattern.compile("'fortran_order'\\s*:\\s*(True|False)");
    private static final Pattern SHAPE = Pattern.compile("'shape'\\s*:\\s*\\(([0-9,\\s]*)\\)");

    /** Element types that a trace may have. */
    enum Type {
        UINT8("|u1", 1), UINT16("<u2", 2), INT16("<i2", 2), INT32("<i4", 4), INT64("<i8", 8), FLOAT32("<f4", 4);

        private final String descr;
        private final int bytes;

        Type(final String descr, final int bytes) {
            this.descr = descr;
            this.bytes = bytes;
        }
    }

    private final Path file;
    private final Type type;
    private final int[] shape;
    private final ByteBuffer elements;

    private NpyArray(final Path file, final Type type, final int[] shape, final ByteBuffer elements) {
        this.file = file;
        this.type = type;
        this.shape = shape;
        this.elements = elements;
    }

    /**
     * @throws TraceFormatException if the file is not such an array, or is longer or shorter than its shape says
     * @throws IOException          if it cannot be read
     */
    static NpyArray open(final Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (channel.size() > Integer.MAX_VALUE) {
                throw new TraceFormatException(
                        file + " has " + channel.size() + " bytes; at most " + Integer.MAX_VALUE + " are supported");
            }
            final ByteBuffer bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size())
                    .order(ByteOrder.LITTLE_ENDIAN);
            return parse(file, bytes);
        }
    }

    private static NpyArray parse(final Path file, final ByteBuffer bytes) {
        final String header = header(file, bytes);
        final Type type = type(file, find(file, DESCR, header, "'descr'"));
        if (find(file, ORDER, header, "'fortran_order'").equals("True")) {
            throw new TraceFormatException(file + " is in Fortran order; expected C order");
        }
        final int[] shape = shape(file, find(file, SHAPE, header, "'shape'"));
        long expected = type.bytes;
        for (final int length : shape) {
            expected *= length;
        }
        if (expected != bytes.remaining()) {
            throw new TraceFormatException(file + " has " + bytes.remaining() + " bytes of elements; shape "
                    + Arrays.toString(shape) + " of " + type + " needs " + expected);
        }
        return new NpyArray(file, type, shape, bytes.slice().order(ByteOrder.LITTLE_ENDIAN));
    }

    private static String header(final Path file, final ByteBuffer bytes) {
        final byte[] magic = new byte[MAGIC.length];
        if (bytes.remaining() < 12) {
            throw new TraceFormatException(file + " has " + bytes.remaining() + " bytes; too short for a .npy header");
        }
        bytes.get(magic);
        final int major = bytes.get();
        bytes.get();
        if (!Arrays.equals(magic, MAGIC) || major < 1 || major > 3) {
            throw new TraceFormatException(file + " does not begin with the .npy magic of version 1 to 3");
        }
        final int length = major == 1 ? Short.toUnsignedInt(bytes.getShort()) : bytes.getInt();
        if (length < 0 || length > MAX_HEADER_BYTES || length > bytes.remaining()) {
            throw new TraceFormatException(
                    file + " states a header of " + length + " bytes; the file has " + bytes.remaining() + " left");
        }
        final byte[] text = new byte[length];
        bytes.get(text);
        return new String(text, ISO_8859_1);
    }

    private static String find(final Path file, final Pattern pattern, final String header, final String key) {
        final Matcher matcher = pattern.matcher(header);
        if (!matcher.find()) {
            throw new TraceFormatException(file + " has no readable " + key + " in its header: " + header.strip());
        }
        return matcher.group(1);
    }

    private static Type type(final Path file, final String descr) {
        for (final Type type : Type.values()) {
            if (type.descr.equals(descr)) {
                return type;
            }
        }
        throw new TraceFormatException(file + " holds elements of type '" + descr + "'; expected one of "
                + Arrays.stream(Type.values()).map(type -> type.descr).toList());
    }

    private static int[] shape(final Path file, final String text) {
        try {
            return Arrays.stream(text.split(","))
                    .map(String::strip)
                    .filter(part -> !part.isEmpty())
                    .mapToInt(Integer::parseInt)
                    .toArray();
        } catch (final NumberFormatException e) {
            throw new TraceFormatException(file + " has shape (" + text + "); each side must be below 2^31", e);
        }
    }

    Path file() {
        return file;
    }

    Type type() {
        return type;
    }

    int[] shape() {
        return shape.clone();
    }

    int length() {
        return elements.capacity() / type.bytes;
    }

    /** The i-th element in C order; a float32 is cut to its whole part. */
    long whole(final int i) {
        return switch (type) {
            case UINT8 -> Byte.toUnsignedLong(elements.get(i));
            case UINT16 -> Short.toUnsignedLong(elements.getShort(2 * i));
            case INT16 -> elements.getShort(2 * i);
            case INT32 -> elements.getInt(4 * i);
            case INT64 -> elements.getLong(8 * i);
            case FLOAT32 -> (long) elements.getFloat(4 * i);
        };
    }

    /** The i-th element in C order as a real number. */
    float real(final int i) {
        return type == Type.FLOAT32 ? elements.getFloat(4 * i) : whole(i);
    }
}
