package io.drover.bench.transport;

import java.nio.ByteBuffer;

import org.HdrHistogram.Histogram;
import org.agrona.CloseHelper;
import org.agrona.concurrent.UnsafeBuffer;

import io.aeron.Aeron;
import io.aeron.ExclusivePublication;
import io.aeron.FragmentAssembler;
import io.aeron.Subscription;

/** Aeron as it comes: the echo sends back what it received, cut to the answer's length. */
final class BarePingPong implements PingPong {
    private static final int CALLS = 7001;
    private static final int ANSWERS = 7002;

    private final Aeron aeron;
    private final ExclusivePublication calls;
    private final Subscription called;
    private final ExclusivePublication answers;
    private final Subscription answered;
    private final UnsafeBuffer call;
    private final FragmentAssembler onCall;
    private final FragmentAssembler onAnswer;
    private boolean hasAnswer;
    private long callAgeNs;

    /**
     * @param callChannel   for the caller's publication
     * @param answerChannel for the echo's publication
     * @param listening     the two channels without what concerns publications only
     */
    BarePingPong(final String directory, final String callChannel, final String answerChannel, final String[] listening,
            final int callLength, final int answerLength) {
        aeron = Aeron.connect(new Aeron.Context().aeronDirectoryName(directory));
        called = aeron.addSubscription(listening[0], CALLS);
        answered = aeron.addSubscription(listening[1], ANSWERS);
        calls = aeron.addExclusivePublication(callChannel, CALLS);
        answers = aeron.addExclusivePublication(answerChannel, ANSWERS);
        call = new UnsafeBuffer(ByteBuffer.allocateDirect(callLength));
        onCall = new FragmentAssembler((buffer, offset, length, header) -> {
            callAgeNs = System.nanoTime() - buffer.getLong(offset);
            while (answers.offer(buffer, offset, answerLength) < 0) {
                Thread.yield();
            }
        });
        onAnswer = new FragmentAssembler((buffer, offset, length, header) -> hasAnswer = true);
    }

    boolean isConnected() {
        return calls.isConnected() && answers.isConnected();
    }

    @Override
    public boolean call(final long nowNs) {
        hasAnswer = false;
        call.putLong(0, nowNs);
        return calls.offer(call, 0, call.capacity()) > 0;
    }

    @Override
    public boolean awaitAnswer() {
        answered.poll(onAnswer, 10);
        return hasAnswer;
    }

    @Override
    public int echo(final Histogram oneWayNs) {
        final int work = called.poll(onCall, 10);
        if (callAgeNs != 0) {
            oneWayNs.recordValue(callAgeNs);
            callAgeNs = 0;
        }
        return work;
    }

    @Override
    public void close() {
        CloseHelper.close(aeron);
    }
}
