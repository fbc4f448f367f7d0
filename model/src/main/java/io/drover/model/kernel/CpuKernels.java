package io.drover.model.kernel;

import jdk.incubator.vector.FloatVector;

/** Chooses the kernels of the CPU family. All of them give the same bits, so the choice may differ between nodes. */
public final class CpuKernels {
    static final String FAMILY = "cpu";

    private static final int NARROWEST = 256;
    private static final int WIDEST = 512;

    private CpuKernels() {}

    /**
     * @param mode {@code auto}: the widest vectors that the CPU has; {@code vector}, {@code vector-256}, {@code vector-512}: insist;
     *             {@code plain}: scalar
     * @throws IllegalArgumentException naming the mode and the accepted ones
     * @throws IllegalStateException    if vectors are insisted on and the CPU has none of 256 bits or more
     */
    public static Kernels create(final ComputeTeam team, final String mode) {
        final int widest = FloatVector.SPECIES_PREFERRED.vectorBitSize();
        final String found = "the CPU has vectors of " + widest + " bits";
        return switch (mode) {
            case "auto" -> widest >= NARROWEST
                    ? new VectorKernels(Math.min(widest, WIDEST), team, found)
                    : new PlainKernels(team, found);
            case "vector" -> {
                if (widest < NARROWEST) {
                    throw new IllegalStateException("kernels 'vector' need vectors of 256 bits or more; " + found);
                }
                yield new VectorKernels(Math.min(widest, WIDEST), team, found);
            }
            case "vector-256" -> new VectorKernels(256, team);
            case "vector-512" -> new VectorKernels(512, team);
            case "plain" -> new PlainKernels(team);
            default -> throw new IllegalArgumentException(
                    "kernels '" + mode + "' are unknown; expected auto, vector, vector-256, vector-512 or plain");
        };
    }
}
