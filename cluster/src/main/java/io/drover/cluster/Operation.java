package io.drover.cluster;

/**
 * Something that an operator asked for and that takes time.
 *
 * @param id        names it for as long as this coordinator lives
 * @param text      what was asked for
 * @param state     how far it is
 * @param done      steps done
 * @param total     steps in all, as far as they are known
 * @param startedMs wall time
 * @param leftMs    predicted time left: from the steps done so far, of a single move from what the latest ones took; -1 while neither says
 *                  anything, 0 when it has ended
 * @param note      what blocks it, or why it ended as it did; empty if there is nothing to say
 */
public record Operation(String id, String text, State state, int done, int total, long startedMs, long leftMs, String note) {
    /** How far an operation is. */
    public enum State {
        RUNNING, DONE, CANCELLED, FAILED
    }
}
