package io.drover.placement;

/** Where a token's layer is put together. */
public enum Mode {
    /** Expert outputs return to the device that holds the sequence; attention runs there in every layer. */
    HOME,
    /**
     * The residual moves to the device of the token's highest-gate expert, where the outputs are combined and the next
     * layer starts (context-coherent expert parallelism, ExFlow, arXiv 2401.08383).
     */
    WALK
}
