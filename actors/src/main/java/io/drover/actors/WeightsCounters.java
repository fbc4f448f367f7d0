package io.drover.actors;

/**
 * What a node fetched from its peers since its start.
 *
 * @param experts fetched, checked and taken into use
 * @param bytes   of experts that arrived, refused ones included
 * @param refused times that weights were refused because of their digest, from a peer or from the node's own files
 * @param broken  fetches that a peer refused or that broke off
 */
public record WeightsCounters(long experts, long bytes, long refused, long broken) {
    /** Of a node that fetches nothing. */
    public static final WeightsCounters NONE = new WeightsCounters(0, 0, 0, 0);
}
