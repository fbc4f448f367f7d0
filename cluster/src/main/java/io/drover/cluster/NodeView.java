package io.drover.cluster;

import org.jspecify.annotations.Nullable;

import io.drover.streams.Endpoint;

/**
 * One node as the coordinator sees it.
 *
 * @param name        its name
 * @param nodeId      its id; -1 before it has one
 * @param address     {@code host:port} of its actor system; empty if this coordinator has not heard from it
 * @param state       what it is doing
 * @param replicas    expert replicas ready on it
 * @param reportAgeMs since its last report; -1 if there was none
 * @param bulk        where its bulk frames go; null until its engine runs
 */
public record NodeView(String name, int nodeId, String address, State state, int replicas, long reportAgeMs,
        @Nullable Endpoint bulk) {
    /** What a node is doing. */
    public enum State {
        /** Known, but without its engine. */
        JOINING,
        /** Loading its experts. */
        LOADING,
        /** In the routing table, with all that it is to hold. */
        SERVING,
        /** Lost to the data plane of most nodes: its experts are restored elsewhere. */
        SUSPECTED,
        /** Silent to the failure detector; decided upon within seconds. */
        UNREACHABLE,
        /** On its way out. */
        LEAVING,
        /** Was a member and is none now. */
        GONE
    }
}
