package io.drover.actors;

/**
 * Divides a node's compute time between decode and prefill when both have work: stride scheduling (Waldspurger and Weihl,
 * 1995). Each side's virtual time is the time it has used over its weight, and the side that is behind goes next. So decode
 * keeps its share however long the prompts are, prefill keeps the rest, and a side that is alone gets everything.
 */
final class FairShare {
    private final double decodeShare;
    private double decodeVirtualTime;
    private double prefillVirtualTime;

    /** @param decodeShare guaranteed part of the time for decode, in (0, 1) */
    FairShare(final double decodeShare) {
        if (!(decodeShare > 0 && decodeShare < 1)) {
            throw new IllegalArgumentException("decode share is " + decodeShare + "; expected more than 0 and less than 1");
        }
        this.decodeShare = decodeShare;
    }

    /**
     * Whether decode goes next. A side without work is brought up to the other, so that it cannot save up time while idle.
     */
    boolean decodeNext(final boolean decodeReady, final boolean prefillReady) {
        if (!decodeReady) {
            decodeVirtualTime = Math.max(decodeVirtualTime, prefillVirtualTime);
            return false;
        }
        if (!prefillReady) {
            prefillVirtualTime = Math.max(prefillVirtualTime, decodeVirtualTime);
            return true;
        }
        return decodeVirtualTime <= prefillVirtualTime;
    }

    void used(final boolean decode, final long elapsedNs) {
        if (decode) {
            decodeVirtualTime += elapsedNs / decodeShare;
        } else {
            prefillVirtualTime += elapsedNs / (1 - decodeShare);
        }
    }
}
