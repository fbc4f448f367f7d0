package io.drover.bench.transport;

import java.nio.ByteBuffer;
import java.util.Random;

import org.HdrHistogram.Histogram;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

import io.drover.streams.CallFrame;
import io.drover.streams.DataPlaneSettings;
import io.drover.streams.Endpoint;
import io.drover.streams.FrameHandler;
import io.drover.streams.Links;
import io.drover.streams.ReturnFrame;
import io.drover.streams.WireType;

/**
 * Two nodes: the caller encodes a token's row and reads the vector of its return, the echo reads the row and encodes a return,
 * as two engines do, all conversions included.
 */
final class FramePingPong implements PingPong {
    private static final int EXPERTS = 4;
    private static final int CALLER = 1;
    private static final int ECHO = 2;

    private final Links caller;
    private final Links echo;
    private final WireType wireType;
    private final int hidden;
    private final float[] token;
    private final float[] arrived;
    private final float[] returned;
    private final UnsafeBuffer callBuffer;
    private final UnsafeBuffer returnBuffer;
    private final CallFrame callOut = new CallFrame();
    private final CallFrame callIn = new CallFrame();
    private final ReturnFrame returnOut = new ReturnFrame();
    private final ReturnFrame returnIn = new ReturnFrame();
    private final FrameHandler onCall = this::onCall;
    private final FrameHandler onReturn = this::onReturn;
    private boolean hasAnswer;
    private long callAgeNs;

    /** @param sameHost shared memory; otherwise UDP, though the driver is the same */
    FramePingPong(final DataPlaneSettings settings, final boolean sameHost, final int hidden, final WireType wireType) {
        this.hidden = hidden;
        this.wireType = wireType;
        token = new float[hidden];
        arrived = new float[hidden];
        returned = new float[hidden];
        final Random random = new Random(hidden);
        for (int i = 0; i < hidden; i++) {
            token[i] = (float) random.nextGaussian();
        }
        callBuffer = new UnsafeBuffer(ByteBuffer.allocateDirect(settings.largestFrameLength()));
        returnBuffer = new UnsafeBuffer(ByteBuffer.allocateDirect(settings.largestFrameLength()));
        caller = Links.open(settings, node(CALLER, sameHost), System.nanoTime());
        echo = Links.open(settings, node(ECHO, sameHost), System.nanoTime());
        caller.connect(echo.self());
        echo.connect(caller.self());
    }

    static int callLength(final int hidden, final WireType wireType) {
        return CallFrame.ROWS_OFFSET + CallFrame.rowLength(EXPERTS, hidden, wireType);
    }

    static int returnLength(final int hidden, final WireType wireType) {
        return ReturnFrame.ROWS_OFFSET + ReturnFrame.rowLength(hidden, wireType);
    }

    boolean isConnected() {
        caller.doWork(System.nanoTime());
        return caller.isConnected(ECHO) && echo.isConnected(CALLER);
    }

    @Override
    public boolean call(final long nowNs) {
        hasAnswer = false;
        callOut.wrap(callBuffer, 0).begin(1, 1, 0, hidden, wireType).startRow(nowNs);
        for (int rank = 0; rank < EXPERTS; rank++) {
            callOut.addExpert(rank, rank);
        }
        callOut.endRow(token, 0);
        return caller.offer(ECHO, callBuffer, 0, callOut.encodedLength());
    }

    @Override
    public boolean awaitAnswer() {
        caller.doWork(System.nanoTime());
        caller.poll(onReturn, 10);
        return hasAnswer;
    }

    @Override
    public int echo(final Histogram oneWayNs) {
        final int work = echo.doWork(System.nanoTime()) + echo.poll(onCall, 10);
        if (callAgeNs != 0) {
            oneWayNs.recordValue(callAgeNs);
            callAgeNs = 0;
        }
        return work;
    }

    /** Closes both nodes; the echo's thread has stopped. */
    @Override
    public void close() {
        if (arrived[hidden - 1] != returned[hidden - 1]) {
            throw new IllegalStateException("the answer is not what was called with");
        }
        CloseHelper.closeAll(caller, echo);
    }

    private void onCall(final int from, final int type, final DirectBuffer buffer, final int offset, final int length) {
        final long nowNs = System.nanoTime();
        callIn.wrap(buffer, offset);
        while (callIn.nextRow()) {
            callIn.readVector(arrived, 0);
            final long sentNs = callIn.callId();
            callAgeNs = nowNs - sentNs;
            returnOut.wrap(returnBuffer, 0).begin(callIn.layer(), hidden, wireType).addRow(sentNs, 0, arrived, 0);
            if (!echo.offer(from, returnBuffer, 0, returnOut.encodedLength())) {
                throw new IllegalStateException(echo.describe(from));
            }
        }
    }

    private void onReturn(final int from, final int type, final DirectBuffer buffer, final int offset, final int length) {
        returnIn.wrap(buffer, offset).readVector(0, returned, 0);
        hasAnswer = true;
    }

    private static Endpoint node(final int id, final boolean sameHost) {
        return new Endpoint(id, 1, "bench-" + id, sameHost ? "" : "bench-" + id, "127.0.0.1:0", 0);
    }
}
