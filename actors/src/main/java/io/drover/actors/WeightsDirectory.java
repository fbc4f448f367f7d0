package io.drover.actors;

import java.util.List;

/** Knows who may have an expert's weights. Any thread; must not block. */
@FunctionalInterface
public interface WeightsDirectory {
    /** Ids of other nodes, those with a live replica first. */
    List<Integer> nodes(int layer, int expert);
}
