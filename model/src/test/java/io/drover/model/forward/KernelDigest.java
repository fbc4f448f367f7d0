package io.drover.model.forward;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

import io.drover.model.StorageType;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.kernel.ComputeTeam;
import io.drover.model.kernel.CpuKernels;

/** Prints one line per implementation: a digest over all logits of a few prompts. Started by {@link KernelModesIT} in JVMs of all sorts. */
final class KernelDigest {
    private KernelDigest() {}

    /**
     * @param arguments the fixtures' directory; how often the computation is repeated before the one that counts, so that it has met
     *                  the compilers; the kernels' modes
     */
    public static void main(final String[] arguments) throws IOException, NoSuchAlgorithmException {
        for (final String mode : Arrays.asList(arguments).subList(2, arguments.length)) {
            String digest = "";
            for (int i = 0; i <= Integer.parseInt(arguments[1]); i++) {
                digest = digest(Path.of(arguments[0]), mode);
            }
            System.out.println(mode + " " + digest);
        }
    }

    private static String digest(final Path fixtures, final String mode) throws NoSuchAlgorithmException {
        final MessageDigest digest = MessageDigest.getInstance("SHA-256");
        for (final String family : new String[]{"olmoe", "qwen2_moe"}) {
            for (final StorageType type : StorageType.values()) {
                try (Checkpoint checkpoint = Checkpoint.open(fixtures.resolve(family));
                        ComputeTeam team = new ComputeTeam(1, () -> {});
                        Model model = new Model(checkpoint, CpuKernels.create(team, mode), type, type, 1)) {
                    for (final float[] logits : model.prompt(new int[]{17, 42, 5, 99, 120, 7}, 5)) {
                        final ByteBuffer bytes = ByteBuffer.allocate(logits.length * Float.BYTES);
                        bytes.asFloatBuffer().put(logits);
                        digest.update(bytes);
                    }
                }
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}
