package io.drover.streams;

import java.util.concurrent.CompletionStage;

/** What a node has to give away. Called on the bulk plane's thread; must not block. */
@FunctionalInterface
public interface BulkProvider {
    /**
     * Looks a name up, perhaps in its own time.
     *
     * @param peer the id of the node that asks
     * @return the content, closed by the caller; exceptionally, with a sentence for the peer, if it cannot be given
     */
    CompletionStage<? extends BulkContent> open(int peer, String name);
}
