package io.drover.actors;

/** Passes each row that an expert has computed to whoever waits for it: this node's own calls, or the service of another's. */
final class Completed implements ExpertPort.Completion {
    private ExpertCalls calls;
    private ExpertService service;
    private long rows;

    /** Both are built upon the ports that report here, so they come after the constructor, once. */
    void connect(final ExpertCalls expertCalls, final ExpertService expertService) {
        calls = expertCalls;
        service = expertService;
    }

    @Override
    public void completed(final long tag) {
        rows++;
        if (Tag.isLocal(tag)) {
            calls.localCompleted(Tag.slot(tag), Tag.generation(tag), Tag.rank(tag));
        } else {
            service.completed(Tag.slot(tag), Tag.rank(tag));
        }
    }

    /** Rows computed since the start. */
    long rows() {
        return rows;
    }
}
