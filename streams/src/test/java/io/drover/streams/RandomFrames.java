package io.drover.streams;

import java.util.Random;

import org.agrona.concurrent.UnsafeBuffer;

/** Writes well-formed frames of random type and size, and reads all of any frame. */
final class RandomFrames {
    private RandomFrames() {}

    /** A frame in a buffer of exactly its length. */
    static UnsafeBuffer next(final Random random, final UnsafeBuffer scratch) {
        final int length = write(random, scratch);
        final UnsafeBuffer exact = new UnsafeBuffer(new byte[length]);
        exact.putBytes(0, scratch, 0, length);
        return exact;
    }

    private static int write(final Random random, final UnsafeBuffer at) {
        final int type = random.nextInt(FrameType.BUDDY + 3) + 1;
        return switch (type > FrameType.BUDDY ? type - FrameType.BUDDY - 1 + FrameType.BULK_ASK : type) {
            case FrameType.CALL -> call(random, at);
            case FrameType.RETURN -> returned(random, at);
            case FrameType.ACK -> {
                final AckFrame frame = new AckFrame().wrap(at, 0).begin(random.nextInt(100), random.nextLong());
                random.longs(random.nextInt(5)).forEach(frame::addSequence);
                yield frame.encodedLength();
            }
            case FrameType.REFUSAL -> {
                final RefusalFrame frame = new RefusalFrame().wrap(at, 0).begin(random.nextLong(), random.nextLong());
                random.longs(random.nextInt(5)).forEach(id -> frame.addEntry(id, random.nextInt(8), random.nextInt(6)));
                yield frame.encodedLength();
            }
            case FrameType.SUBMIT -> {
                final SubmitFrame frame = new SubmitFrame().wrap(at, 0).begin(random.nextLong(), 1, random.nextInt(9));
                frame.ignoreEos(random.nextBoolean()).maxTokens(random.nextInt(100)).temperature(random.nextFloat());
                final int here = random.nextInt(20);
                frame.ids(random.nextInt(3), 5 + here, random.nextInt(9), random.nextInt(5));
                random.ints(here).forEach(frame::addId);
                yield frame.encodedLength();
            }
            case FrameType.ADMISSION -> new AdmissionFrame().wrap(at, 0)
                    .refuse(random.nextLong(), 1, random.nextInt(4), random.nextInt(1000), "ä".repeat(random.nextInt(40)))
                    .encodedLength();
            case FrameType.TOKEN -> {
                final TokenFrame frame = new TokenFrame().wrap(at, 0).begin(random.nextLong(), 1, random.nextInt(50));
                random.ints(random.nextInt(6)).forEach(frame::addId);
                yield frame.encodedLength();
            }
            case FrameType.END -> new EndFrame().wrap(at, 0)
                    .begin(random.nextLong(), 1, 1 + random.nextInt(4))
                    .usage(random.nextInt(9), random.nextInt(9))
                    .reason("c".repeat(random.nextInt(9)), "é".repeat(random.nextInt(40)))
                    .encodedLength();
            case FrameType.CANCEL -> new CancelFrame().wrap(at, 0).begin(random.nextLong(), 1).encodedLength();
            case FrameType.SYNC -> new SyncFrame().wrap(at, 0).begin(random.nextLong(), 1, random.nextInt(9)).encodedLength();
            case FrameType.BULK_ASK -> new BulkAskFrame().wrap(at, 0)
                    .begin(random.nextLong(), random.nextInt(99), 100, random.nextInt(), "ö".repeat(random.nextInt(40)))
                    .encodedLength();
            case FrameType.BULK_CHUNK -> new BulkChunkFrame().wrap(at, 0)
                    .begin(random.nextLong(), random.nextInt(99), 200, new byte[100], 1 + random.nextInt(99))
                    .encodedLength();
            case FrameType.BULK_STOP -> new BulkStopFrame().wrap(at, 0)
                    .begin(random.nextLong(), random.nextBoolean(), "ü".repeat(random.nextInt(40)))
                    .encodedLength();
            case FrameType.KV_PAGE -> {
                final UnsafeBuffer page = new UnsafeBuffer(new byte[1 + random.nextInt(200)]);
                final int before = random.nextInt(page.capacity());
                yield new KvPageFrame().wrap(at, 0)
                        .begin(random.nextInt(9), random.nextLong(), 1, random.nextLong(), random.nextInt(50))
                        .part(page, before, 1 + random.nextInt(page.capacity() - before))
                        .encodedLength();
            }
            case FrameType.KV_RELEASE -> new KvReleaseFrame().wrap(at, 0)
                    .begin(random.nextInt(9), random.nextLong(), 1)
                    .encodedLength();
            case FrameType.BUDDY -> new BuddyFrame().wrap(at, 0)
                    .begin(random.nextInt(9), random.nextLong(), 1, 1 + random.nextInt(3), random.nextInt(50))
                    .encodedLength();
            default -> new HeartbeatFrame().wrap(at, 0).begin().encodedLength();
        };
    }

    private static int call(final Random random, final UnsafeBuffer at) {
        final int hidden = 1 + random.nextInt(40);
        final float[] vector = new float[hidden];
        final CallFrame frame = new CallFrame().wrap(at, 0).begin(1, 2, random.nextInt(8), hidden, wireType(random));
        for (int rows = random.nextInt(4); rows > 0; rows--) {
            frame.startRow(random.nextLong());
            for (int experts = random.nextInt(9); experts > 0; experts--) {
                frame.addExpert(random.nextInt(64), experts);
            }
            frame.endRow(vector, 0);
        }
        return frame.encodedLength();
    }

    private static int returned(final Random random, final UnsafeBuffer at) {
        final int hidden = 1 + random.nextInt(40);
        final float[] vector = new float[hidden];
        final ReturnFrame frame = new ReturnFrame().wrap(at, 0).begin(random.nextInt(8), hidden, wireType(random));
        for (int rows = random.nextInt(4); rows > 0; rows--) {
            frame.addRow(random.nextLong(), rows, vector, 0);
        }
        return frame.encodedLength();
    }

    private static WireType wireType(final Random random) {
        return random.nextBoolean() ? WireType.FLOAT32 : WireType.BFLOAT16;
    }

    /** Uses each accessor; returns how many fields and entries were read. */
    static long read(final UnsafeBuffer frame, final float[] vector) {
        final FrameHeader header = new FrameHeader().wrap(frame, 0);
        long reads = header.version() + Math.abs((long) header.senderNodeId()) + header.encodedLength();
        switch (header.type()) {
            case FrameType.CALL -> {
                final CallFrame call = new CallFrame().wrap(frame, 0);
                while (call.nextRow()) {
                    for (int i = 0; i < call.expertCount(); i++) {
                        reads += call.expert(i) + call.rank(i);
                    }
                    call.readVector(vector, 0);
                    reads += call.callId() & 1;
                }
            }
            case FrameType.RETURN -> {
                final ReturnFrame returned = new ReturnFrame().wrap(frame, 0);
                for (int i = 0; i < returned.rowCount(); i++) {
                    returned.readVector(i, vector, 0);
                    reads += returned.rank(i) + (returned.callId(i) & 1);
                }
            }
            case FrameType.ACK -> {
                final AckFrame ack = new AckFrame().wrap(frame, 0);
                for (int i = 0; i < ack.count(); i++) {
                    reads += ack.acknowledged(i) & 1;
                }
            }
            case FrameType.REFUSAL -> {
                final RefusalFrame refusal = new RefusalFrame().wrap(frame, 0);
                for (int i = 0; i < refusal.count(); i++) {
                    reads += refusal.rank(i) + refusal.reason(i) + (refusal.callId(i) & 1);
                }
            }
            case FrameType.SUBMIT -> {
                final SubmitFrame submit = new SubmitFrame().wrap(frame, 0);
                for (int i = 0; i < submit.idCount(); i++) {
                    reads += submit.id(i) & 1;
                }
                reads += submit.stopCount() + submit.promptCount() + submit.generatedCount() + submit.firstId();
                reads += (submit.seed() & 1) + (submit.ignoreEos() ? 1 : 0);
            }
            case FrameType.ADMISSION -> reads += new AdmissionFrame().wrap(frame, 0).detail().length();
            case FrameType.TOKEN -> {
                final TokenFrame tokens = new TokenFrame().wrap(frame, 0);
                for (int i = 0; i < tokens.count(); i++) {
                    reads += tokens.id(i) & 1;
                }
            }
            case FrameType.END -> {
                final EndFrame end = new EndFrame().wrap(frame, 0);
                reads += end.code().length() + end.message().length() + end.kind();
            }
            case FrameType.CANCEL -> reads += new CancelFrame().wrap(frame, 0).requestKey() & 1;
            case FrameType.SYNC -> reads += new SyncFrame().wrap(frame, 0).nextIndex();
            case FrameType.BULK_ASK -> reads += new BulkAskFrame().wrap(frame, 0).name().length();
            case FrameType.BULK_CHUNK -> reads += new BulkChunkFrame().wrap(frame, 0).bytes().length;
            case FrameType.BULK_STOP -> reads += new BulkStopFrame().wrap(frame, 0).reason().length();
            case FrameType.KV_PAGE -> {
                final KvPageFrame part = new KvPageFrame().wrap(frame, 0);
                if (part.pageBytes() < 1 << 20) {
                    part.readPart(new UnsafeBuffer(new byte[part.pageBytes()]));
                }
                reads += (part.page() & 1) + (part.gatewayNodeId() & 1) + (part.idHash() & 1);
            }
            case FrameType.KV_RELEASE -> reads += new KvReleaseFrame().wrap(frame, 0).gatewayNodeId() & 1;
            case FrameType.BUDDY -> reads += new BuddyFrame().wrap(frame, 0).value() & 1;
            default -> reads++;
        }
        return reads;
    }
}
