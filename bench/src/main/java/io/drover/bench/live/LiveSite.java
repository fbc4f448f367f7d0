package io.drover.bench.live;

import java.nio.file.Path;
import java.util.List;

/** Where the processes of a {@link LiveCluster} run; by default all on this host, with one media driver. */
interface LiveSite {
    /** What a node's command line begins with. */
    default List<String> prefix(final int node) {
        return List.of();
    }

    /** Address that a node listens on, for clients and for other nodes. */
    default String host(final int node) {
        return "127.0.0.1";
    }

    /** {@code key = value} lines for one node; they hold against those for every node. */
    default List<String> keys(final int node) {
        return List.of();
    }

    /** Number of the media driver process that a node uses; negative if it brings its own. */
    default int driver(final int node) {
        return 0;
    }

    /** Where that driver keeps its memory; empty for a directory of its own. */
    default String aeronDirectory(final int driver) {
        return "";
    }

    /** Where a node's output goes. */
    default Path logs(final int node, final Path records) {
        return records;
    }
}
