package io.drover.streams;

import org.agrona.DirectBuffer;

/** Says whether bytes are a frame of this version whose counts and lengths agree, before anybody reads them by those. */
public final class FrameValidator {
    private FrameValidator() {}

    /**
     * Never throws for any content of {@code length} readable bytes, and reads none beyond them.
     *
     * @return whether every accessor of the frame's class stays within the frame
     */
    public static boolean isWellFormed(final DirectBuffer buffer, final int offset, final int length) {
        return hasHeader(buffer, offset, length) && hasVersion(buffer, offset) && hasBody(buffer, offset, length);
    }

    static boolean hasHeader(final DirectBuffer buffer, final int offset, final int length) {
        return length >= FrameHeader.HEADER_LENGTH
                && buffer.getInt(offset + FrameHeader.LENGTH_OFFSET, FrameHeader.ORDER) == length;
    }

    static boolean hasVersion(final DirectBuffer buffer, final int offset) {
        return (buffer.getByte(offset + FrameHeader.VERSION_OFFSET) & 0xff) == FrameHeader.FRAME_VERSION;
    }

    static boolean hasBody(final DirectBuffer buffer, final int offset, final int length) {
        return switch (buffer.getByte(offset + FrameHeader.TYPE_OFFSET) & 0xff) {
            case FrameType.HEARTBEAT -> HeartbeatFrame.isWellFormed(length);
            case FrameType.CALL -> CallFrame.isWellFormed(buffer, offset, length);
            case FrameType.RETURN -> ReturnFrame.isWellFormed(buffer, offset, length);
            case FrameType.ACK -> AckFrame.isWellFormed(buffer, offset, length);
            case FrameType.REFUSAL -> RefusalFrame.isWellFormed(buffer, offset, length);
            case FrameType.SUBMIT -> SubmitFrame.isWellFormed(buffer, offset, length);
            case FrameType.ADMISSION -> AdmissionFrame.isWellFormed(buffer, offset, length);
            case FrameType.TOKEN -> TokenFrame.isWellFormed(buffer, offset, length);
            case FrameType.END -> EndFrame.isWellFormed(buffer, offset, length);
            case FrameType.CANCEL -> CancelFrame.isWellFormed(length);
            case FrameType.SYNC -> SyncFrame.isWellFormed(buffer, offset, length);
            case FrameType.KV_PAGE -> KvPageFrame.isWellFormed(buffer, offset, length);
            case FrameType.KV_RELEASE -> KvReleaseFrame.isWellFormed(buffer, offset, length);
            case FrameType.BUDDY -> BuddyFrame.isWellFormed(buffer, offset, length);
            case FrameType.BULK_ASK -> BulkAskFrame.isWellFormed(buffer, offset, length);
            case FrameType.BULK_CHUNK -> BulkChunkFrame.isWellFormed(buffer, offset, length);
            case FrameType.BULK_STOP -> BulkStopFrame.isWellFormed(buffer, offset, length);
            default -> false;
        };
    }
}
