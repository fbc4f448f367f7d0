package io.drover.actors;

/**
 * How many second calls may be made: a part of the first ones, so that slowness of everybody, which is overload, is not met by more
 * load. A token bucket whose clock is the calls.
 */
final class HedgeBudget {
    private final double perCall;
    private final double burst;
    private double tokens;
    private long taken;

    /**
     * @param perCall second calls per first call; 0 for none at all
     * @param burst   second calls that may be made at once after a calm time
     */
    HedgeBudget(final double perCall, final int burst) {
        this.perCall = perCall;
        this.burst = perCall == 0 ? 0 : burst;
        tokens = this.burst;
    }

    /** So many first calls have been sent. */
    void called(final int calls) {
        tokens = Math.min(burst, tokens + calls * perCall);
    }

    /** Takes one second call out, if there is one. */
    boolean take() {
        if (tokens < 1) {
            return false;
        }
        tokens--;
        taken++;
        return true;
    }

    /** Second calls taken so far. */
    long taken() {
        return taken;
    }
}
