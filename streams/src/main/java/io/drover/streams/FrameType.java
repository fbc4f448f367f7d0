package io.drover.streams;

/** What a frame is, as the type byte of its {@link FrameHeader}. Constants rather than an enum, so that a poller can switch on them. */
public final class FrameType {
    /** {@link HeartbeatFrame}: sent when there was nothing else to send; {@link Links} consumes it. */
    public static final int HEARTBEAT = 1;
    /** {@link CallFrame}: token rows for experts of the receiver. */
    public static final int CALL = 2;
    /** {@link ReturnFrame}: experts' outputs. */
    public static final int RETURN = 3;
    /** {@link AckFrame}: receipt of call frames, with the receiver's estimate of when they will be done. */
    public static final int ACK = 4;
    /** {@link RefusalFrame}: calls that the receiver will not serve, with its epoch. */
    public static final int REFUSAL = 5;
    /** {@link SubmitFrame}: a sequence for a home node. */
    public static final int SUBMIT = 6;
    /** {@link AdmissionFrame}: the home's answer to a submission. */
    public static final int ADMISSION = 7;
    /** {@link TokenFrame}: generated token ids. */
    public static final int TOKEN = 8;
    /** {@link EndFrame}: the end of a sequence. */
    public static final int END = 9;
    /** {@link CancelFrame}: nobody reads this sequence any more. */
    public static final int CANCEL = 10;
    /** {@link SyncFrame}: a gateway asks for tokens again. */
    public static final int SYNC = 11;

    /** {@link KvPageFrame}: part of a page of keys and values, from a home to the buddy of the sequence. */
    public static final int KV_PAGE = 12;
    /** {@link KvReleaseFrame}: the buddy need not keep the pages. */
    public static final int KV_RELEASE = 13;
    /** {@link BuddyFrame}: who keeps the pages of a sequence, and how many. */
    public static final int BUDDY = 14;
    /** {@link BulkAskFrame}: a receiver asks for bytes of a named transfer; on the bulk plane only, like the next two. */
    public static final int BULK_ASK = 32;
    /** {@link BulkChunkFrame}: bytes of a transfer. */
    public static final int BULK_CHUNK = 33;
    /** {@link BulkStopFrame}: one side ends a transfer. */
    public static final int BULK_STOP = 34;

    private FrameType() {}

    /** The type's name, or its number where it is unknown. */
    public static String nameOf(final int type) {
        return switch (type) {
            case HEARTBEAT -> "heartbeat";
            case CALL -> "call";
            case RETURN -> "return";
            case ACK -> "ack";
            case REFUSAL -> "refusal";
            case SUBMIT -> "submit";
            case ADMISSION -> "admission";
            case TOKEN -> "token";
            case END -> "end";
            case CANCEL -> "cancel";
            case SYNC -> "sync";
            case KV_PAGE -> "kv page";
            case KV_RELEASE -> "kv release";
            case BUDDY -> "buddy";
            case BULK_ASK -> "bulk ask";
            case BULK_CHUNK -> "bulk chunk";
            case BULK_STOP -> "bulk stop";
            default -> Integer.toString(type);
        };
    }
}
