package io.drover.cluster;

import io.drover.model.checkpoint.Checkpoint;
import io.drover.streams.BulkSettings;

/**
 * Where expert weights may come from.
 *
 * @param fromPeers {@code drover.cluster.weights}: whether experts that the files lack are fetched from other nodes
 * @param bulkPort  {@code drover.cluster.bulk-port}
 * @param bulk      {@code drover.streams.bulk}
 */
public record WeightSettings(boolean fromPeers, int bulkPort, BulkSettings bulk) {
    /** What the model directory must have. */
    public Checkpoint.Experts required() {
        return fromPeers ? Checkpoint.Experts.ANY : Checkpoint.Experts.ALL;
    }
}
