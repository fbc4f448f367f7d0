package io.drover.cluster;

import java.util.List;

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
 * @param names           the node of each device, by ordinal; empty where there was never one
 */
public record RoutingView(boolean wholeCluster, int nodes, double tokensPerSecond, RoutingStatistics statistics,
        @Nullable Placement placement, List<String> names) {
    public RoutingView {
        names = List.copyOf(names);
    }
}
