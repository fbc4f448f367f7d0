package io.drover.model;

/**
 * How a number is stored on the wire, in the KV cache, or in a packed weight. Arithmetic is always float32.
 */
public enum StorageType {
    FLOAT32("float32", Float.BYTES) {
        @Override
        public float round(final float value) {
            return value;
        }
    },
    BFLOAT16("bfloat16", Short.BYTES) {
        @Override
        public float round(final float value) {
            return fromBfloat16(toBfloat16(value));
        }
    };

    private final String label;
    private final int bytes;

    StorageType(final String label, final int bytes) {
        this.label = label;
        this.bytes = bytes;
    }

    /** The value as it reads back after being stored. */
    public abstract float round(float value);

    /** The name in configuration files and on the command line. */
    public String label() {
        return label;
    }

    /** Bytes of one number. */
    public int bytes() {
        return bytes;
    }

    /** @throws IllegalArgumentException naming the value and the accepted ones */
    public static StorageType of(final String label) {
        for (final StorageType type : values()) {
            if (type.label.equals(label)) {
                return type;
            }
        }
        throw new IllegalArgumentException("storage type '" + label + "' is unknown; expected float32 or bfloat16");
    }

    /** The upper 16 bits of a float32, rounded to nearest, ties to even; a NaN stays a (quiet) NaN. */
    public static short toBfloat16(final float value) {
        final int bits = Float.floatToRawIntBits(value);
        if ((bits & 0x7fff_ffff) > 0x7f80_0000) {
            return (short) (bits >>> 16 | 0x40);
        }
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    /** Exact. */
    public static float fromBfloat16(final short value) {
        return Float.intBitsToFloat(value << 16);
    }
}
