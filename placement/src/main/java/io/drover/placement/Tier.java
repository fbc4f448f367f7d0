package io.drover.placement;

/** How far apart two devices are, nearest first. */
public enum Tier {
    SAME_DEVICE,
    /** Different devices of one machine, of one node process or of two. */
    SAME_HOST, NETWORK
}
