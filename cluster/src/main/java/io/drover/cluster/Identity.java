package io.drover.cluster;

import java.util.ArrayList;
import java.util.List;

/**
 * What must be equal on all nodes for a token to have the same bits everywhere, and for their frames to be understood.
 *
 * @param config       digest of the model's configuration
 * @param weights      digest of its weights without routed experts
 * @param experts      digest of its routed experts; empty for a node whose files lack some, which is compared with nobody: what it fetches
 *                     is checked expert by expert
 * @param tokenizer    digest of its tokenizer files
 * @param wireType     how expert inputs and outputs are rounded
 * @param kvType       how keys and values are rounded
 * @param kernelFamily {@code cpu} or {@code cuda}: each has its own order of additions
 * @param frameVersion version of the token frames and of the control messages
 */
record Identity(String config, String weights, String experts, String tokenizer, String wireType, String kvType,
        String kernelFamily,
        String frameVersion) {

    /**
     * Names every difference with both values.
     *
     * @return one sentence; empty if there is none
     */
    String mismatch(final Identity joining) {
        final List<String> differences = new ArrayList<>();
        compare(differences, "model config", config, joining.config);
        compare(differences, "model weights", weights, joining.weights);
        if (!experts.isEmpty() && !joining.experts.isEmpty()) {
            compare(differences, "expert weights", experts, joining.experts);
        }
        compare(differences, "tokenizer", tokenizer, joining.tokenizer);
        compare(differences, "wire type", wireType, joining.wireType);
        compare(differences, "KV type", kvType, joining.kvType);
        compare(differences, "kernel family", kernelFamily, joining.kernelFamily);
        compare(differences, "frame version", frameVersion, joining.frameVersion);
        return String.join("; ", differences);
    }

    private static void compare(final List<String> differences, final String what, final String here, final String joining) {
        if (!here.equals(joining)) {
            differences.add(what + " is " + brief(joining) + " here and " + brief(here) + " in the cluster");
        }
    }

    /** Twelve digits tell two digests apart for a reader. */
    private static String brief(final String value) {
        return value.length() == 64 ? value.substring(0, 12) : value;
    }
}
