package io.drover.streams;

import org.jspecify.annotations.Nullable;

/** How the numbers of a vector travel. */
public enum WireType {
    /** IEEE binary32, little-endian. */
    FLOAT32(1, Float.BYTES),
    /** The upper half of a binary32, rounded to nearest, ties to even; a NaN stays a quiet NaN. */
    BFLOAT16(2, Short.BYTES);

    private final byte code;
    private final int bytes;

    WireType(final int code, final int bytes) {
        this.code = (byte) code;
        this.bytes = bytes;
    }

    /** The type's byte in a frame. */
    public byte code() {
        return code;
    }

    /** Bytes of one number. */
    public int bytes() {
        return bytes;
    }

    /** Compiles what the conversions need, in at most a second: for a node's start, before it takes traffic. */
    public void warmUp() {
        if (this == BFLOAT16) {
            VectorCodec.warmUp();
        }
    }

    /** The type of a frame's byte, or null where it names none. */
    public static @Nullable WireType ofCode(final int code) {
        return switch (code) {
            case 1 -> FLOAT32;
            case 2 -> BFLOAT16;
            default -> null;
        };
    }
}
