package io.drover.actors;

/**
 * The name of a row at an expert's port, in one long: bit 63 says whose row it is, then 31 bits of generation, 24 of slot and
 * 8 of gate rank.
 */
final class Tag {
    static final int GENERATION_MASK = 0x7fff_ffff;

    private static final long REMOTE = Long.MIN_VALUE;

    private Tag() {}

    /** A row of this node's own slab. */
    static long local(final int slot, final int generation, final int rank) {
        return (long) (generation & GENERATION_MASK) << 32 | (long) slot << 8 | rank;
    }

    /** A row that another node has sent: its slot in the staging area and its place among that row's experts. */
    static long remote(final int slot, final int index) {
        return REMOTE | (long) slot << 8 | index;
    }

    static boolean isLocal(final long tag) {
        return tag >= 0;
    }

    static int generation(final long tag) {
        return (int) (tag >>> 32) & GENERATION_MASK;
    }

    static int slot(final long tag) {
        return (int) (tag >>> 8) & 0xff_ffff;
    }

    static int rank(final long tag) {
        return (int) tag & 0xff;
    }
}
