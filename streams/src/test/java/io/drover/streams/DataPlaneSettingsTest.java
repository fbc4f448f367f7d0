package io.drover.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import com.typesafe.config.ConfigFactory;

class DataPlaneSettingsTest {
    @Test
    void theReferenceConfigurationIsValid() {
        final DataPlaneSettings settings = DataPlaneSettings.from(ConfigFactory.load());
        assertThat(settings.largestFrameLength()).isEqualTo(256 << 10);
        assertThat(settings.termLength()).isEqualTo(2 << 20);
        assertThat(settings.peerQueueLength()).isEqualTo(2 << 20);
        assertThat(settings.heartbeatIntervalNs()).isEqualTo(Duration.ofMillis(50).toNanos());
        assertThat(settings.suspectAfterNs()).isEqualTo(Duration.ofMillis(400).toNanos());
        assertThat(settings.mtuLength()).isZero();
        assertThat(DriverSettings.from(ConfigFactory.load()).clientLivenessNs()).isEqualTo(Duration.ofSeconds(10).toNanos());
    }

    @ParameterizedTest
    @CsvSource({"largest-frame,20 MiB,20971520", "largest-frame,10,10", "term-length,100000,100000", "term-length,64 KiB,8192",
        "mtu,1500,1500", "mtu,70000,70000", "suspect-after,100 ms,100 ms", "heartbeat-interval,0 ms,0 ms",
        "park-deadline,2 hours,2 hours", "driver-timeout,1 ms,1 ms", "driver.idle-yields,-1,-1",
        "driver.client-liveness,10 ms,10 ms"})
    void aValueOutOfRangeIsNamedWithItsKey(final String key, final String value, final String shown) {
        final var config = ConfigFactory.parseMap(Map.of("drover.streams." + key, value)).withFallback(ConfigFactory.load());
        assertThatIllegalArgumentException().isThrownBy(() -> {
            DataPlaneSettings.from(config);
            DriverSettings.from(config);
        })
                .withMessageContaining(key.substring(key.indexOf('.') + 1))
                .withMessageContaining(shown)
                .withMessageContaining("expected");
    }

    @Test
    void aSecretThatTheEnvironmentLacksIsRefused() {
        assertThat(FrameAuthenticator.from("", Map.of())).isNull();
        assertThat(FrameAuthenticator.from("S", Map.of("S", "0123456789abcdef"))).isNotNull();
        assertThatIllegalArgumentException().isThrownBy(() -> FrameAuthenticator.from("S", Map.of()))
                .withMessageContaining("names S");
        assertThatIllegalArgumentException().isThrownBy(() -> FrameAuthenticator.from("S", Map.of("S", "short")))
                .withMessageContaining("5 characters")
                .withMessageNotContaining("short ");
    }

    @Test
    void aPlanCountsEachLog() {
        final DataPlaneSettings settings = DataPlaneSettings.from(ConfigFactory.load());
        final long logBytes = 3L * (2 << 20) + 4096 + 3L * (256 << 10) + 4096;
        assertThat(TermPlan.of(settings, 1, 0)).isEqualTo(new TermPlan(2 << 20, 0, TermPlan.DRIVER_BYTES));
        assertThat(TermPlan.of(settings, 3, 0).requiredBytes()).isEqualTo(TermPlan.DRIVER_BYTES + 6 * logBytes);
        assertThat(TermPlan.of(settings, 1, 4).logs()).isEqualTo(8);
        assertThat(TermPlan.of(settings, 2, 3).logs()).isEqualTo(2 + 12);
        assertThatIllegalArgumentException().isThrownBy(() -> TermPlan.of(settings, 0, 1));
    }

    @Test
    void tooLittleSharedMemoryIsRefusedWithBothNumbers() {
        final TermPlan plan = TermPlan.of(DataPlaneSettings.from(ConfigFactory.load()), 5, 0);
        assertThatIllegalStateException().isThrownBy(() -> plan.check(Path.of("/dev/shm/x"), 64 << 20))
                .withMessageContaining("64.0 MiB free")
                .withMessageContaining("149.2 MiB")
                .withMessageContaining("/dev/shm/x");
        plan.check(Path.of("/dev/shm/x"), 150 << 20);
        TermPlan.of(DataPlaneSettings.from(ConfigFactory.load()), 1, 0)
                .check(Path.of(System.getProperty("java.io.tmpdir"), "no/such"));
    }

    @Test
    void anAddressIsHostAndPort() {
        assertThat(Endpoint.unresolved(1, 1, "n", "[::1]:4000").port()).isEqualTo(4000);
        for (final String wrong : new String[]{"host", "host:", ":1", "host:70000", "host:-1"}) {
            assertThatIllegalArgumentException().isThrownBy(() -> Endpoint.unresolved(1, 1, "n", wrong))
                    .withMessageContaining("'" + wrong + "'");
        }
        assertThatIllegalArgumentException().isThrownBy(() -> Endpoint.unresolved(-1, 1, "n", "h:1")).withMessageContaining("-1");
    }
}
