package io.drover.model.forward;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

import org.jspecify.annotations.Nullable;

import io.drover.model.StorageType;
import io.drover.model.kernel.PackedMatrix;

/**
 * An expert's packed weights as a sequence of bytes, the same on every node of a kernel family. {@link ExpertReceiver} is the other end.
 *
 * <pre>
 *  +---------------------------------------------------------------+
 *  |                     Magic, "DXI1"                             |  0
 *  +---------------+---------------+-------------------------------+
 *  | Gate-up type  |   Down type   |        Reserved, zero         |  4     0: float32, 1: bfloat16
 *  +---------------+---------------+-------------------------------+
 *  |                     Hidden size                               |  8
 *  +---------------------------------------------------------------+
 *  |                     Width                                     | 12
 *  +---------------------------------------------------------------+
 *  |                     Gate-up [2 width, hidden], packed        ... 16
 *  +---------------------------------------------------------------+
 *  |                     Down [hidden, width], packed             ...
 *  +---------------------------------------------------------------+
 * </pre>
 *
 * Little-endian; how a matrix is packed, padding included, is drawn in {@link PackedMatrix}.
 */
public final class ExpertImage {
    static final int HEADER_LENGTH = 16;

    private static final int MAGIC = 0x31495844;
    private static final int CHUNK = 64 << 10;

    private final PackedMatrix gateUp;
    private final PackedMatrix down;
    private final byte[] header;

    ExpertImage(final FeedForward feedForward) {
        gateUp = feedForward.gateUp();
        down = feedForward.down();
        header = header(gateUp.type(), down.type(), down.rows(), down.columns());
    }

    /** Bytes. */
    public long length() {
        return HEADER_LENGTH + gateUp.bytes() + down.bytes();
    }

    /**
     * Copies bytes {@code [position, position + length)} to the start of {@code into}.
     *
     * @throws IllegalStateException if the weights were freed
     */
    public void read(final long position, final byte[] into, final int length) {
        int done = 0;
        while (done < length) {
            final long at = position + done;
            final long inGateUp = at - HEADER_LENGTH;
            final long inDown = inGateUp - gateUp.bytes();
            final int part;
            if (inGateUp < 0) {
                part = (int) Math.min(length - done, -inGateUp);
                System.arraycopy(header, (int) at, into, done, part);
            } else if (inDown < 0) {
                part = (int) Math.min(length - done, -inDown);
                gateUp.copyOut(inGateUp, into, done, part);
            } else {
                part = length - done;
                down.copyOut(inDown, into, done, part);
            }
            done += part;
        }
    }

    /** SHA-256 in hex. */
    String digest() {
        final MessageDigest digest = sha256();
        final byte[] chunk = new byte[CHUNK];
        for (long position = 0; position < length(); position += CHUNK) {
            final int part = (int) Math.min(CHUNK, length() - position);
            read(position, chunk, part);
            digest.update(chunk, 0, part);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /** The types of gate-up and down of an image that begins so; null if it is none of an expert of this size. */
    static StorageType @Nullable [] types(final byte[] begin, final int hidden, final int width) {
        for (final StorageType gateUp : StorageType.values()) {
            for (final StorageType down : StorageType.values()) {
                if (Arrays.equals(begin, header(gateUp, down, hidden, width))) {
                    return new StorageType[]{gateUp, down};
                }
            }
        }
        return null;
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (final NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    private static byte[] header(final StorageType gateUp, final StorageType down, final int hidden, final int width) {
        return ByteBuffer.allocate(HEADER_LENGTH)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(MAGIC)
                .put(code(gateUp))
                .put(code(down))
                .putShort((short) 0)
                .putInt(hidden)
                .putInt(width)
                .array();
    }

    private static byte code(final StorageType type) {
        return switch (type) {
            case FLOAT32 -> 0;
            case BFLOAT16 -> 1;
        };
    }
}
