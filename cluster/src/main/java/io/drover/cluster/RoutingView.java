package io.drover.cluster;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

import org.jspecify.annotations.Nullable;

import io.drover.placement.Placement;
import io.drover.placement.RoutingStatistics;

/**
 * What the gates chose lately, and under which placement.
 *
 * @param wholeCluster    whether the coordinator answered; if not, {@code statistics} are of this node's sequences alone
 * @param nodes           whose sequences are in it
 * @param tokensPerSecond positions that passed through the model, averaged over the window
 * @param statistics      decayed; of a large model only the heaviest pairs of each expert
 * @param placement       that this node routes by; null before its first table
 * @param devices         the node's name of each device that calls can go to, by ordinal
 * @param balance         of the statistics under the placement
 */
public record RoutingView(boolean wholeCluster, int nodes, double tokensPerSecond, RoutingStatistics statistics,
        @Nullable Placement placement, Map<Integer, String> devices, LoadBalance balance) {
    public RoutingView {
        devices = Collections.unmodifiableSortedMap(new TreeMap<>(devices));
    }
}
