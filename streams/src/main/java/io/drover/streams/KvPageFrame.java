package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_INT;
import static org.agrona.BitUtil.SIZE_OF_LONG;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * Part of a page of a sequence's keys and values, from its home to its buddy. In the background only. The parts of a page follow
 * one another, and the pages of a sequence, from 0.
 *
 * <pre>
 *  +---------------------------------------------------------------+
 *  |                     Header, 56 bytes                          |  0
 *  +---------------------------------------------------------------+
 *  |                     Request key                               | 56
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     Owner term                                | 64
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |     Hash of model, types and all ids up to the page's end     | 72
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     Gateway's node id                         | 80
 *  +---------------------------------------------------------------+
 *  |                     Page, from 0                              | 84
 *  +---------------------------------------------------------------+
 *  |                     Bytes of the page                         | 88
 *  +---------------------------------------------------------------+
 *  |                     Bytes of the page before this part        | 92
 *  +===============================================================+
 *  |                     This part of the page                    ... 96
 *  +---------------------------------------------------------------+
 * </pre>
 */
public final class KvPageFrame extends FrameHeader {
    public static final int REQUEST_KEY_OFFSET = HEADER_LENGTH;
    public static final int OWNER_TERM_OFFSET = REQUEST_KEY_OFFSET + SIZE_OF_LONG;
    public static final int ID_HASH_OFFSET = OWNER_TERM_OFFSET + SIZE_OF_LONG;
    public static final int GATEWAY_OFFSET = ID_HASH_OFFSET + SIZE_OF_LONG;
    public static final int PAGE_OFFSET = GATEWAY_OFFSET + SIZE_OF_INT;
    public static final int PAGE_BYTES_OFFSET = PAGE_OFFSET + SIZE_OF_INT;
    public static final int BEFORE_OFFSET = PAGE_BYTES_OFFSET + SIZE_OF_INT;
    public static final int PART_OFFSET = BEFORE_OFFSET + SIZE_OF_INT;

    /** Bytes of a page that a frame of so many bytes can carry. */
    public static int bytesIn(final int frameLength) {
        return frameLength - PART_OFFSET;
    }

    @Override
    public KvPageFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        return this;
    }

    /** Starts a frame without its part. */
    public KvPageFrame begin(final int gatewayNodeId, final long requestKey, final long ownerTerm, final long idHash,
            final int page) {
        final MutableDirectBuffer target = beginFrame(FrameType.KV_PAGE, PART_OFFSET);
        target.putLong(offset + REQUEST_KEY_OFFSET, requestKey, ORDER);
        target.putLong(offset + OWNER_TERM_OFFSET, ownerTerm, ORDER);
        target.putLong(offset + ID_HASH_OFFSET, idHash, ORDER);
        target.putInt(offset + GATEWAY_OFFSET, gatewayNodeId, ORDER);
        target.putInt(offset + PAGE_OFFSET, page, ORDER);
        return this;
    }

    /** Copies {@code [before, before + length)} of the page into the frame. */
    public KvPageFrame part(final DirectBuffer page, final int before, final int length) {
        final MutableDirectBuffer target = writable();
        target.putInt(offset + PAGE_BYTES_OFFSET, page.capacity(), ORDER);
        target.putInt(offset + BEFORE_OFFSET, before, ORDER);
        target.putBytes(offset + PART_OFFSET, page, before, length);
        encodedLength(PART_OFFSET + length);
        return this;
    }

    public long requestKey() {
        return longAt(REQUEST_KEY_OFFSET);
    }

    public long ownerTerm() {
        return longAt(OWNER_TERM_OFFSET);
    }

    public long idHash() {
        return longAt(ID_HASH_OFFSET);
    }

    public int gatewayNodeId() {
        return intAt(GATEWAY_OFFSET);
    }

    public int page() {
        return intAt(PAGE_OFFSET);
    }

    public int pageBytes() {
        return intAt(PAGE_BYTES_OFFSET);
    }

    /** Bytes of the page before this part. */
    public int before() {
        return intAt(BEFORE_OFFSET);
    }

    public int partBytes() {
        return encodedLength() - PART_OFFSET;
    }

    /** Copies this part to where it belongs in a page of {@link #pageBytes()}. */
    public void readPart(final MutableDirectBuffer page) {
        buffer.getBytes(offset + PART_OFFSET, page, before(), partBytes());
    }

    static boolean isWellFormed(final DirectBuffer frame, final int frameOffset, final int length) {
        if (length <= PART_OFFSET) {
            return false;
        }
        final long before = frame.getInt(frameOffset + BEFORE_OFFSET, ORDER);
        return before >= 0 && before + length - PART_OFFSET <= frame.getInt(frameOffset + PAGE_BYTES_OFFSET, ORDER)
                && frame.getInt(frameOffset + PAGE_OFFSET, ORDER) >= 0
                && frame.getInt(frameOffset + GATEWAY_OFFSET, ORDER) >= 0;
    }
}
