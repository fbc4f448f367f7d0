package io.drover.server;

import java.util.concurrent.CompletionStage;

import org.apache.pekko.NotUsed;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

import com.fasterxml.jackson.databind.node.ObjectNode;

import io.drover.cluster.MovesView;
import io.drover.cluster.Wish;

/** The node behind the door, as far as the door sees it. Thread-safe. */
interface Backend {

    ServedModel model();

    /** Whether requests can be served now. */
    boolean ready();

    /** Why they cannot, in one sentence; empty if they can. */
    String obstacle();

    /** Why new requests are refused though the node runs: it is cut off from most others. Empty if they are not. */
    String cutOff();

    /** What the cluster is doing, for {@code /admin/status}. */
    ObjectNode status();

    /** Gives an operator's wish to the coordinator; exceptionally if that does not answer. */
    CompletionStage<MovesView> wish(Wish wish);

    /** What the gates chose lately, for {@code /admin/routing}. */
    CompletionStage<ObjectNode> routing();

    /**
     * Begins to record the cluster's routing, for {@code /admin/trace}.
     *
     * @return lines; exceptionally, with an IllegalStateException or IllegalArgumentException that says why, if that is not possible
     */
    CompletionStage<Source<ByteString, NotUsed>> record();

    /** Lets {@link #record} end with the last records. */
    void stopRecording();
}
