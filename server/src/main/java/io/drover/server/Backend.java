package io.drover.server;

import java.util.concurrent.CompletionStage;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** The node behind the door, as far as the door sees it. Thread-safe. */
interface Backend {

    ServedModel model();

    /** Whether requests can be served now. */
    boolean ready();

    /** What the cluster is doing, for {@code /admin/status}. */
    ObjectNode status();

    /** What the gates chose lately, for {@code /admin/routing}. */
    CompletionStage<ObjectNode> routing();
}
