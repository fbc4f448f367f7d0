package io.drover.actors;

import java.util.AbstractList;
import java.util.Arrays;
import java.util.List;

import io.drover.model.Sampling;
import io.drover.streams.SubmitFrame;

/**
 * Puts the parts of one gateway's submissions together. A gateway sends all parts of one before the first of the next, so that a
 * part out of turn means that an earlier one was lost: what is here of that submission is dropped, and the gateway offers it again.
 */
final class SubmitAssembly {
    private long requestKey;
    private long ownerTerm;
    private int[] ids = {};
    private int filled = -1;

    /** Takes a part in. Returns whether it was the last one of a submission that is now whole. */
    boolean add(final SubmitFrame part) {
        final int total = part.stopCount() + part.promptCount() + part.generatedCount();
        if (part.firstId() == 0) {
            requestKey = part.requestKey();
            ownerTerm = part.ownerTerm();
            ids = new int[total];
            filled = 0;
        } else if (part.firstId() != filled || total != ids.length || part.requestKey() != requestKey
                || part.ownerTerm() != ownerTerm) {
            filled = -1;
            return false;
        }
        for (int i = 0; i < part.idCount(); i++) {
            ids[filled++] = part.id(i);
        }
        return filled == total;
    }

    /** The whole submission, whose last part this is. */
    GenerationRequest request(final int gateway, final SubmitFrame last) {
        final Sampling sampling = new Sampling(last.temperature(), last.topP(), last.topK(), last.seed());
        return new GenerationRequest(gateway + "-" + requestKey, list(last.stopCount(), last.promptCount()), sampling,
                last.maxTokens(), last.minTokens(), last.ignoreEos(), list(0, last.stopCount()));
    }

    int[] generated(final SubmitFrame last) {
        return Arrays.copyOfRange(ids, last.stopCount() + last.promptCount(), ids.length);
    }

    private List<Integer> list(final int from, final int count) {
        final int[] all = ids;
        return new AbstractList<>() {
            @Override
            public Integer get(final int index) {
                return all[from + index];
            }

            @Override
            public int size() {
                return count;
            }
        };
    }
}
