package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_BYTE;
import static org.agrona.BitUtil.SIZE_OF_INT;
import static org.agrona.BitUtil.SIZE_OF_LONG;
import static org.agrona.BitUtil.SIZE_OF_SHORT;

import java.nio.ByteOrder;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What every frame begins with. All fields of all frames are little-endian and aligned to their size from the frame's start.
 *
 * <pre>
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +---------------+---------------+-------------------------------+
 *  |    Version    |     Type      |             Flags             |  0
 *  +---------------+---------------+-------------------------------+
 *  |                 Length, this header included                  |  4
 *  +---------------------------------------------------------------+
 *  |                        Sender's node id                       |  8
 *  +---------------------------------------------------------------+
 *  |                        Reserved, zero                         | 12
 *  +---------------------------------------------------------------+
 *  |                     Sender's incarnation                      | 16
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                    Receiver's incarnation                     | 24
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |           Sequence, rising from sender to receiver            | 32
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |         Authentication tag, zero without flag bit 0           | 40
 *  |                           16 bytes                            |
 *  +---------------------------------------------------------------+
 *  |                             Body                             ... 56
 * </pre>
 *
 * A frame's own class writes version, type and length in its {@code begin}; {@link Links#offer} fills in the rest as the
 * frame leaves. A flyweight holds no state beyond its position, is used by one thread, and allocates nothing. Reading is
 * safe for frames that {@link FrameValidator} has accepted, as all frames that a {@link FrameHandler} is given.
 */
public class FrameHeader {
    /** Nodes of different frame versions do not talk. */
    public static final int FRAME_VERSION = 2;
    /** Flag bit: the tag is an HMAC of the frame. */
    public static final int AUTHENTICATED_FLAG = 1;

    public static final int VERSION_OFFSET = 0;
    public static final int TYPE_OFFSET = VERSION_OFFSET + SIZE_OF_BYTE;
    public static final int FLAGS_OFFSET = TYPE_OFFSET + SIZE_OF_BYTE;
    public static final int LENGTH_OFFSET = FLAGS_OFFSET + SIZE_OF_SHORT;
    public static final int SENDER_NODE_OFFSET = LENGTH_OFFSET + SIZE_OF_INT;
    public static final int RESERVED_OFFSET = SENDER_NODE_OFFSET + SIZE_OF_INT;
    public static final int SENDER_INCARNATION_OFFSET = RESERVED_OFFSET + SIZE_OF_INT;
    public static final int RECEIVER_INCARNATION_OFFSET = SENDER_INCARNATION_OFFSET + SIZE_OF_LONG;
    public static final int SEQUENCE_OFFSET = RECEIVER_INCARNATION_OFFSET + SIZE_OF_LONG;
    public static final int TAG_OFFSET = SEQUENCE_OFFSET + SIZE_OF_LONG;
    public static final int TAG_LENGTH = 16;
    /** Bytes before the body. */
    public static final int HEADER_LENGTH = TAG_OFFSET + TAG_LENGTH;

    static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private static final DirectBuffer NOTHING = new UnsafeBuffer(0, 0);

    // Assigned by wrap, which comes before any other call.
    DirectBuffer buffer = NOTHING;
    @Nullable
    MutableDirectBuffer writable;
    int offset;

    /** Points this flyweight at a frame. Writing needs a {@link MutableDirectBuffer}. */
    public FrameHeader wrap(final DirectBuffer frame, final int frameOffset) {
        buffer = frame;
        writable = frame instanceof MutableDirectBuffer mutable ? mutable : null;
        offset = frameOffset;
        return this;
    }

    public final int version() {
        return buffer.getByte(offset + VERSION_OFFSET) & 0xff;
    }

    /** One of {@link FrameType}. */
    public final int type() {
        return buffer.getByte(offset + TYPE_OFFSET) & 0xff;
    }

    public final int flags() {
        return buffer.getShort(offset + FLAGS_OFFSET, ORDER) & 0xffff;
    }

    public final int senderNodeId() {
        return buffer.getInt(offset + SENDER_NODE_OFFSET, ORDER);
    }

    public final long senderIncarnation() {
        return buffer.getLong(offset + SENDER_INCARNATION_OFFSET, ORDER);
    }

    public final long receiverIncarnation() {
        return buffer.getLong(offset + RECEIVER_INCARNATION_OFFSET, ORDER);
    }

    /** What an {@link AckFrame} names. */
    public final long sequence() {
        return buffer.getLong(offset + SEQUENCE_OFFSET, ORDER);
    }

    /** Bytes of the frame so far, its header included: what to hand to {@link Links#offer}. */
    public final int encodedLength() {
        return buffer.getInt(offset + LENGTH_OFFSET, ORDER);
    }

    /** Writes an otherwise zero header and a zero fixed part of the body, so that no byte of an earlier frame travels. */
    final MutableDirectBuffer beginFrame(final int type, final int fixedLength) {
        final MutableDirectBuffer target = writable();
        target.setMemory(offset, fixedLength, (byte) 0);
        target.putByte(offset + VERSION_OFFSET, (byte) FRAME_VERSION);
        target.putByte(offset + TYPE_OFFSET, (byte) type);
        target.putInt(offset + LENGTH_OFFSET, fixedLength, ORDER);
        return target;
    }

    final void encodedLength(final int length) {
        writable().putInt(offset + LENGTH_OFFSET, length, ORDER);
    }

    final MutableDirectBuffer writable() {
        final MutableDirectBuffer target = writable;
        if (target == null) {
            throw new IllegalStateException("the frame is wrapped over a read-only " + buffer.getClass().getName());
        }
        return target;
    }

    final int intAt(final int fieldOffset) {
        return buffer.getInt(offset + fieldOffset, ORDER);
    }

    final long longAt(final int fieldOffset) {
        return buffer.getLong(offset + fieldOffset, ORDER);
    }

    final int unsignedShortAt(final int fieldOffset) {
        return buffer.getShort(offset + fieldOffset, ORDER) & 0xffff;
    }

    final int unsignedByteAt(final int fieldOffset) {
        return buffer.getByte(offset + fieldOffset) & 0xff;
    }
}
