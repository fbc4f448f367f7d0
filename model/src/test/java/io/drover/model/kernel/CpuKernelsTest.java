package io.drover.model.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class CpuKernelsTest {
    @Test
    void everyModeIsOfTheOneFamilyAndSaysWhatItIs() {
        try (ComputeTeam team = new ComputeTeam(2, () -> {})) {
            assertThat(CpuKernels.create(team, "plain").description())
                    .isEqualTo("plain kernels, as asked for; compute threads: 1");
            assertThat(CpuKernels.create(team, "vector-256").description())
                    .isEqualTo("vector kernels of 256 bits, as asked for; compute threads: 2");
            assertThat(CpuKernels.create(team, "auto").description()).contains("the CPU has vectors of");
            for (final String mode : new String[]{"auto", "plain", "vector-256", "vector-512"}) {
                assertThat(CpuKernels.create(team, mode).family()).isEqualTo("cpu");
            }
        }
    }

    @Test
    void anUnknownModeIsRefusedWithTheKnownOnes() {
        try (ComputeTeam team = new ComputeTeam(1, () -> {})) {
            assertThatThrownBy(() -> CpuKernels.create(team, "fast"))
                    .hasMessage("kernels 'fast' are unknown; expected auto, vector, vector-256, vector-512 or plain");
            assertThatThrownBy(() -> new VectorKernels(128, team)).hasMessageContaining("expected 256 or 512");
        }
    }
}
