package io.drover.cluster;

/**
 * Who a node is, fixed for the life of its actor system.
 *
 * @param name              unique in the cluster; a node that comes back under its name gets its id back, and joins empty
 * @param address           host and port of its actor system, for people
 * @param uid               tells this actor system from an earlier one at the same address
 * @param host              the machine, for the planner
 * @param memoryBudgetBytes expert weights that it may hold
 * @param identity          model, types and versions
 */
record NodeDescriptor(String name, String address, long uid, String host, long memoryBudgetBytes, Identity identity) {
    /** The cluster member that this is. */
    MemberId member() {
        return new MemberId(address, uid);
    }
}
