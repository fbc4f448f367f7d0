package io.drover.cluster;

/**
 * The coordinator will not have the node that reported.
 *
 * @param sentence why, with both values
 */
record Refusal(String sentence) implements Coordinator.Answer {}
