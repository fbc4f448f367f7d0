/**
 * WHEN it moves: a node's assembly and its part in the cluster.
 *
 * <p><b>Theory.</b> Control goes through Pekko, tokens over Aeron. Membership, the place of every expert replica, and the routing table
 * are decided slowly and must be agreed on; calls of experts are many, short, and may be repeated. So nothing in this package carries a
 * token, and tokens flow on the last published table while everything in this package is gone.
 *
 * <p><b>What a shard is.</b> A shard is a device. It is pinned by external allocation to the node that owns it, and an expert replica is
 * an entity in it. To start a replica is then a message within its node; no shard ever moves, and the number of shards is that of the
 * devices and not of the replicas.
 *
 * <p><b>How a cluster forms.</b> A node knocks at a seed's {@link io.drover.cluster.Door}, which tells what the cluster runs; on any
 * difference it stops there, with both values. As a member it reports to the coordinator, a cluster singleton, which gives orders whenever
 * it is asked for them or has something new. Both are whole states and not changes, stamped so that a late one is ignored: so losing,
 * repeating or delaying any of them is harmless, and a new coordinator learns everything from the reports. The coordinator gives each name
 * its id once, plans the experts' homes when the expected number of nodes is there, publishes the first table when all are loaded, and then
 * others for what changes: epoch (term, number), where each coordinator has a higher term. A node that is gone leaves the table; what
 * it had is restored on others, and it joins empty when it comes back.
 *
 * <p><b>Who decides.</b> {@link io.drover.cluster.Formation} (the coordinator), {@link io.drover.cluster.Participant} (a node) and
 * {@link io.drover.cluster.Residency} (its replicas) are step machines without clock, thread or actor, and run together in simulated
 * clusters in the tests. {@link io.drover.cluster.Coordinator} and {@link io.drover.cluster.NodeGuardian} are the actors around them.
 *
 * <p><b>Start reading</b> at {@link io.drover.cluster.DroverNode}, then {@link io.drover.cluster.NodeStart}, the steps of a start in
 * order, and {@link io.drover.cluster.Formation}. What nodes say to each other is listed in {@link io.drover.cluster.ControlCodec}; what an
 * operator sets, in {@code reference.conf}; what Pekko is set to and why, in {@code drover-pekko.conf}.
 */
@NullMarked
package io.drover.cluster;

import org.jspecify.annotations.NullMarked;
