package io.drover.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Arrays;
import java.util.HexFormat;

import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The bytes of each frame. They were written down from the layouts drawn in the Javadoc by another program; a change of one
 * of them is a new {@link FrameHeader#FRAME_VERSION}.
 */
class FrameBytesTest {
    private static final String NO_SENDER = "00".repeat(FrameHeader.HEADER_LENGTH - FrameHeader.SENDER_NODE_OFFSET);
    private static final int OFFSET = 8;

    private final UnsafeBuffer buffer = new UnsafeBuffer(new byte[512]);

    @BeforeEach
    void leaveBytesOfAnEarlierFrame() {
        Arrays.fill(buffer.byteArray(), (byte) 0x5a);
    }

    @Test
    void header() {
        final UnsafeBuffer bytes = bytes("0208" + "0100" + "5c000000" + "03000000" + "00000000" + "0700000000000080"
                + "0900000000000000" + "2a00000000000000" + "000102030405060708090a0b0c0d0e0f");
        final FrameHeader header = new FrameHeader().wrap(bytes, 0);
        assertThat(header.version()).isEqualTo(2);
        assertThat(header.type()).isEqualTo(FrameType.TOKEN);
        assertThat(header.flags()).isEqualTo(FrameHeader.AUTHENTICATED_FLAG);
        assertThat(header.encodedLength()).isEqualTo(92);
        assertThat(header.senderNodeId()).isEqualTo(3);
        assertThat(header.senderIncarnation()).isEqualTo(Long.MIN_VALUE + 7);
        assertThat(header.receiverIncarnation()).isEqualTo(9);
        assertThat(header.sequence()).isEqualTo(42);
    }

    @Test
    void heartbeat() {
        assertBytes(new HeartbeatFrame().wrap(buffer, OFFSET).begin(), "0201000038000000" + NO_SENDER);
    }

    @Test
    void callOfFloat32() {
        final float[] vectors = {99, 1, -2.5f, 0.15625f, 0, Float.POSITIVE_INFINITY, 3};
        final String hex = "02020000a0000000" + NO_SENDER
                + "030000000000000011000000000000000500000003000000010000000200000088776655443322110200409c000007000100000000000000"
                + "0000803f000020c00000203e00000000feffffffffffffff0100010003000000000000000000807f0000404000000000";
        final CallFrame call = new CallFrame().wrap(buffer, OFFSET).begin(3, 17, 5, 3, WireType.FLOAT32);
        call.startRow(0x1122334455667788L).addExpert(40_000, 0).addExpert(7, 1).endRow(vectors, 1);
        call.startRow(-2).addExpert(1, 3).endRow(vectors, 4);
        assertBytes(call, hex);

        final CallFrame read = new CallFrame().wrap(bytes(hex), 0);
        assertThat(new long[]{read.epochTerm(), read.epochNumber(), read.layer(), read.hidden(), read.rowCount()})
                .containsExactly(3, 17, 5, 3, 2);
        assertThat(read.wireType()).isEqualTo(WireType.FLOAT32);
        final float[] into = new float[8];
        assertThat(read.nextRow()).isTrue();
        assertThat(read.callId()).isEqualTo(0x1122334455667788L);
        assertThat(new int[]{read.expertCount(), read.expert(0), read.rank(0), read.expert(1), read.rank(1)})
                .containsExactly(2, 40_000, 0, 7, 1);
        read.readVector(into, 1);
        assertThat(read.nextRow()).isTrue();
        assertThat(new long[]{read.callId(), read.expertCount(), read.expert(0), read.rank(0)}).containsExactly(-2, 1, 1, 3);
        read.readVector(into, 4);
        assertThat(read.nextRow()).isFalse();
        assertThat(into).containsExactly(0, 1, -2.5f, 0.15625f, 0, Float.POSITIVE_INFINITY, 3, 0);
    }

    @Test
    void callOfBfloat16() {
        final String hex = "0202000070000000" + NO_SENDER
                + "030000000000000011000000000000000500000003000000020000000100000009000000000000000100020000000000803f20c049400000";
        final CallFrame call = new CallFrame().wrap(buffer, OFFSET).begin(3, 17, 5, 3, WireType.BFLOAT16);
        call.startRow(9).addExpert(2, 0).endRow(new float[]{1, -2.5f, 3.14159f}, 0);
        assertBytes(call, hex);

        final CallFrame read = new CallFrame().wrap(bytes(hex), 0);
        final float[] into = new float[3];
        assertThat(read.nextRow()).isTrue();
        read.readVector(into, 0);
        assertThat(into).containsExactly(1, -2.5f, 3.140625f);
    }

    @Test
    void returned() {
        final String hex = "0203000078000000" + NO_SENDER
                + "05000000020000000100000002000000090000000000000001000000000000000000003f000000bf0a00000000000000ffff000000000000"
                + "0000004000008040";
        assertBytes(new ReturnFrame().wrap(buffer, OFFSET)
                .begin(5, 2, WireType.FLOAT32)
                .addRow(9, 1, new float[]{0.5f, -0.5f}, 0)
                .addRow(10, 65_535, new float[]{0, 2, 4}, 1), hex);

        final ReturnFrame read = new ReturnFrame().wrap(bytes(hex), 0);
        assertThat(new long[]{read.layer(), read.hidden(), read.rowCount(), read.callId(0), read.rank(0), read.callId(1),
            read.rank(1)}).containsExactly(5, 2, 2, 9, 1, 10, 65_535);
        final float[] into = new float[4];
        read.readVector(1, into, 2);
        read.readVector(0, into, 0);
        assertThat(into).containsExactly(0.5f, -0.5f, 2, 4);
    }

    @Test
    void ack() {
        final String hex = "0204000058000000" + NO_SENDER + "0c0000000200000060e316000000000029000000000000002b00000000000000";
        assertBytes(new AckFrame().wrap(buffer, OFFSET).begin(12, 1_500_000).addSequence(41).addSequence(43), hex);

        final AckFrame read = new AckFrame().wrap(bytes(hex), 0);
        assertThat(new long[]{read.queuedRows(), read.predictedNs(), read.count(), read.acknowledged(0), read.acknowledged(1)})
                .containsExactly(12, 1_500_000, 2, 41, 43);
    }

    @Test
    void refusal() {
        final String hex = "0205000070000000" + NO_SENDER
                + "040000000000000002000000000000000200000000000000090000000000000001000100000000000a000000000000000000030000000000";
        assertBytes(new RefusalFrame().wrap(buffer, OFFSET)
                .begin(4, 2)
                .addEntry(9, 1, RefusalFrame.REASON_ABSENT)
                .addEntry(10, 0, RefusalFrame.REASON_BUSY), hex);

        final RefusalFrame read = new RefusalFrame().wrap(bytes(hex), 0);
        assertThat(new long[]{read.epochTerm(), read.epochNumber(), read.count(), read.callId(0), read.rank(0), read.reason(0),
            read.callId(1), read.rank(1), read.reason(1)}).containsExactly(4, 2, 2, 9, 1, 1, 10, 0, 3);
    }

    @Test
    void submit() {
        final String hex = "0206000088000000" + NO_SENDER
                + "4d000000000000000200000000000000010000000100000040000000030000000000403f0000003f2800000001000000faffffffffffffff"
                + "020000000300000004000000020000000d0000005b500200";
        final SubmitFrame submit = new SubmitFrame().wrap(buffer, OFFSET).begin(77, 2, 1);
        submit.ignoreEos(true).maxTokens(64).minTokens(3).temperature(0.75f).topP(0.5f).topK(40).seed(-6);
        submit.ids(1, 2, 3, 4).addId(13).addId(151_643);
        assertBytes(submit, hex);
        assertThat(SubmitFrame.idsIn(submit.encodedLength())).isEqualTo(2);

        final SubmitFrame read = new SubmitFrame().wrap(bytes(hex), 0);
        assertThat(new long[]{read.requestKey(), read.ownerTerm(), read.gatewayNodeId(), read.maxTokens(), read.minTokens(),
            read.topK(), read.seed(), read.stopCount(), read.promptCount(), read.generatedCount(), read.firstId(),
            read.idCount(), read.id(0), read.id(1)}).containsExactly(77, 2, 1, 64, 3, 40, -6, 1, 2, 3, 4, 2, 13, 151_643);
        assertThat(read.ignoreEos()).isTrue();
        assertThat(new float[]{read.temperature(), read.topP()}).containsExactly(0.75f, 0.5f);
    }

    @Test
    void admission() {
        final String hex = "0207000058000000" + NO_SENDER + "4d00000000000000020000000000000001000800fa00000066756c6c20c3a92e";
        assertBytes(new AdmissionFrame().wrap(buffer, OFFSET).refuse(77, 2, AdmissionFrame.QUEUE_FULL, 250, "full é."), hex);

        final AdmissionFrame read = new AdmissionFrame().wrap(bytes(hex), 0);
        assertThat(read.accepted()).isFalse();
        assertThat(new long[]{read.requestKey(), read.ownerTerm(), read.reason(), read.retryAfterMs()})
                .containsExactly(77, 2, AdmissionFrame.QUEUE_FULL, 250);
        assertThat(read.detail()).isEqualTo("full é.");
        assertThat(new AdmissionFrame().wrap(buffer, OFFSET).accept(77, 2).accepted()).isTrue();
    }

    @Test
    void tokens() {
        final String hex = "020800005c000000" + NO_SENDER
                + "4d000000000000000200000000000000050000000300000001000000020000005b500200";
        assertBytes(new TokenFrame().wrap(buffer, OFFSET).begin(77, 2, 5).addId(1).addId(2).addId(151_643), hex);

        final TokenFrame read = new TokenFrame().wrap(bytes(hex), 0);
        assertThat(new long[]{read.requestKey(), read.ownerTerm(), read.firstIndex(), read.count(), read.id(0), read.id(1),
            read.id(2)}).containsExactly(77, 2, 5, 3, 1, 2, 151_643);
    }

    @Test
    void end() {
        final String hex = "0209000065000000" + NO_SENDER
                + "4d00000000000000020000000000000003000900040000000a000000140000006e6f64655f6c6f7374676f6e65";
        assertBytes(new EndFrame().wrap(buffer, OFFSET).begin(77, 2, EndFrame.FAILED).usage(10, 20).reason("node_lost", "gone"),
                hex);

        final EndFrame read = new EndFrame().wrap(bytes(hex), 0);
        assertThat(new long[]{read.requestKey(), read.ownerTerm(), read.kind(), read.promptTokens(), read.completionTokens()})
                .containsExactly(77, 2, EndFrame.FAILED, 10, 20);
        assertThat(read.code()).isEqualTo("node_lost");
        assertThat(read.message()).isEqualTo("gone");
    }

    @Test
    void cancel() {
        final String hex = "020a000048000000" + NO_SENDER + "4d000000000000000200000000000000";
        assertBytes(new CancelFrame().wrap(buffer, OFFSET).begin(77, 2), hex);

        final CancelFrame read = new CancelFrame().wrap(bytes(hex), 0);
        assertThat(new long[]{read.requestKey(), read.ownerTerm()}).containsExactly(77, 2);
    }

    @Test
    void sync() {
        final String hex = "020b000050000000" + NO_SENDER + "4d0000000000000002000000000000000600000000000000";
        assertBytes(new SyncFrame().wrap(buffer, OFFSET).begin(77, 2, 6), hex);

        final SyncFrame read = new SyncFrame().wrap(bytes(hex), 0);
        assertThat(new long[]{read.requestKey(), read.ownerTerm(), read.nextIndex()}).containsExactly(77, 2, 6);
    }

    @Test
    void bulkAsk() {
        final String hex = "022000005e000000" + NO_SENDER
                + "4d00000000000000001000000000000000101000000000000300000006000000772f332fc3a4";
        assertBytes(new BulkAskFrame().wrap(buffer, OFFSET).begin(77, 4096, 1_052_672, 3, "w/3/ä"), hex);

        final BulkAskFrame read = new BulkAskFrame().wrap(bytes(hex), 0);
        assertThat(new long[]{read.transfer(), read.position(), read.limit(), read.round()}).containsExactly(77, 4096, 1_052_672,
                3);
        assertThat(read.name()).isEqualTo("w/3/ä");
    }

    @Test
    void bulkChunk() {
        final String hex = "0221000054000000" + NO_SENDER + "4d00000000000000050000000000000009000000000000000102ff04";
        assertBytes(new BulkChunkFrame().wrap(buffer, OFFSET).begin(77, 5, 9, new byte[]{1, 2, -1, 4, 5}, 4), hex);

        final BulkChunkFrame read = new BulkChunkFrame().wrap(bytes(hex), 0);
        assertThat(new long[]{read.transfer(), read.position(), read.total()}).containsExactly(77, 5, 9);
        assertThat(read.bytes()).containsExactly(1, 2, -1, 4);
    }

    @Test
    void bulkStop() {
        final String hex = "022200004c000000" + NO_SENDER + "4d000000000000000100000004000000676f6e65";
        assertBytes(new BulkStopFrame().wrap(buffer, OFFSET).begin(77, true, "gone"), hex);

        final BulkStopFrame read = new BulkStopFrame().wrap(bytes(hex), 0);
        assertThat(read.transfer()).isEqualTo(77);
        assertThat(read.bySender()).isTrue();
        assertThat(read.reason()).isEqualTo("gone");
    }

    @Test
    void kvPage() {
        final String hex = "020c000066000000" + NO_SENDER
                + "4d0000000000000002000000000000001032547698badcfe03000000050000000a00000004000000"
                + "0e0f10111213";
        final UnsafeBuffer page = new UnsafeBuffer(new byte[]{10, 11, 12, 13, 14, 15, 16, 17, 18, 19});
        assertBytes(new KvPageFrame().wrap(buffer, OFFSET).begin(3, 77, 2, 0xfedcba9876543210L, 5).part(page, 4, 6), hex);

        final KvPageFrame read = new KvPageFrame().wrap(bytes(hex), 0);
        assertThat(new long[]{read.requestKey(), read.ownerTerm(), read.idHash(), read.gatewayNodeId(), read.page(),
            read.pageBytes(), read.before(), read.partBytes()}).containsExactly(77, 2, 0xfedcba9876543210L, 3, 5, 10, 4, 6);
        final UnsafeBuffer copy = new UnsafeBuffer(new byte[10]);
        read.readPart(copy);
        assertThat(copy.byteArray()).containsExactly(0, 0, 0, 0, 14, 15, 16, 17, 18, 19);
        assertThat(KvPageFrame.bytesIn(read.encodedLength())).isEqualTo(6);
    }

    @Test
    void kvRelease() {
        final String hex = "020d000050000000" + NO_SENDER + "4d0000000000000002000000000000000300000000000000";
        assertBytes(new KvReleaseFrame().wrap(buffer, OFFSET).begin(3, 77, 2), hex);

        final KvReleaseFrame read = new KvReleaseFrame().wrap(bytes(hex), 0);
        assertThat(new long[]{read.gatewayNodeId(), read.requestKey(), read.ownerTerm()}).containsExactly(3, 77, 2);
    }

    @Test
    void buddy() {
        final String hex = "020e000058000000" + NO_SENDER + "4d00000000000000020000000000000003000000020000000900000000000000";
        assertBytes(new BuddyFrame().wrap(buffer, OFFSET).begin(3, 77, 2, BuddyFrame.RESUME, 9), hex);

        final BuddyFrame read = new BuddyFrame().wrap(bytes(hex), 0);
        assertThat(new long[]{read.gatewayNodeId(), read.requestKey(), read.ownerTerm(), read.kind(), read.value()})
                .containsExactly(3, 77, 2, BuddyFrame.RESUME, 9);
    }

    @Test
    void longTextIsCutBetweenCodePoints() {
        final UnsafeBuffer large = new UnsafeBuffer(new byte[4096]);
        final AdmissionFrame frame = new AdmissionFrame().wrap(large, 0)
                .refuse(1, 1, AdmissionFrame.TOO_LONG, 0, "€".repeat(600));
        assertThat(frame.detail()).isEqualTo("€".repeat(Text.MAX_BYTES / 3));
        assertThat(FrameValidator.isWellFormed(large, 0, frame.encodedLength())).isTrue();
    }

    @Test
    void aHiddenSizeThatNoFrameCarriesIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(
                () -> new CallFrame().wrap(buffer, 0).begin(1, 1, 0, 0, WireType.FLOAT32)).withMessageContaining("not 0");
        assertThatIllegalArgumentException().isThrownBy(
                () -> new ReturnFrame().wrap(buffer, 0).begin(0, -1, WireType.FLOAT32)).withMessageContaining("not -1");
    }

    private void assertBytes(final FrameHeader frame, final String hex) {
        final byte[] written = new byte[frame.encodedLength()];
        buffer.getBytes(OFFSET, written);
        assertThat(HexFormat.of().formatHex(written)).isEqualTo(hex);
        assertThat(buffer.getByte(OFFSET - 1)).as("the byte before").isEqualTo((byte) 0x5a);
        assertThat(buffer.getByte(OFFSET + written.length)).as("the byte after").isEqualTo((byte) 0x5a);
        assertThat(FrameValidator.isWellFormed(buffer, OFFSET, written.length)).isTrue();
    }

    private static UnsafeBuffer bytes(final String hex) {
        return new UnsafeBuffer(HexFormat.of().parseHex(hex));
    }
}
