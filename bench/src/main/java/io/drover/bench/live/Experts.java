package io.drover.bench.live;

import java.io.IOException;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * What experts the embedded model has.
 *
 * @param count of all layers
 * @param bytes of one, as a memory budget counts it
 */
record Experts(int count, long bytes) {
    static Experts read() throws IOException {
        final JsonNode model = new ObjectMapper().readTree(LiveCluster.model().resolve("config.json").toFile());
        return new Experts(model.get("num_hidden_layers").asInt() * model.get("num_local_experts").asInt(),
                3L * Short.BYTES * model.get("hidden_size").asInt() * model.get("intermediate_size").asInt());
    }

    /** The line of a configuration that gives a node room for so many. */
    static String budget(final long bytes) {
        return "drover.cluster.memory-budget = " + bytes;
    }
}
