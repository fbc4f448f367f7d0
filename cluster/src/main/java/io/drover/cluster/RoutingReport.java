package io.drover.cluster;

import org.apache.pekko.util.ByteString;

/**
 * What a node's gates chose lately, as state and not as change: a lost report does no harm.
 *
 * @param member          whose sequences
 * @param serial          rises within a life: a report that comes late is ignored
 * @param tokensPerSecond positions of its sequences, averaged over the window
 * @param window          decayed {@link io.drover.placement.RoutingStatistics}, as bytes, at most {@link StatisticsSettings#maxBytes()}
 */
record RoutingReport(MemberId member, long serial, double tokensPerSecond, ByteString window) {}
