package io.drover.model.forward;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

import io.drover.model.Fixture;
import io.drover.model.StorageType;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.kernel.ComputeTeam;
import io.drover.model.kernel.CpuKernels;

class KernelWarmUpTest {
    static final List<String> FAMILIES = Fixture.FAMILIES;

    @ParameterizedTest
    @FieldSource("FAMILIES")
    void everyFamilyWarmsUpWithinItsBudget(final String family) {
        final Duration budget = Duration.ofMillis(500);
        try (Checkpoint checkpoint = Checkpoint.open(Fixture.of(family).directory());
                ComputeTeam team = new ComputeTeam(2, () -> {})) {
            final Duration taken = KernelWarmUp.run(CpuKernels.create(team, "auto"), checkpoint, StorageType.FLOAT32,
                    StorageType.BFLOAT16, budget);
            assertThat(taken).isGreaterThan(Duration.ofMillis(300)).isLessThan(budget.plusSeconds(10));
        }
    }
}
