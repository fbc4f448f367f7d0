package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import com.typesafe.config.ConfigFactory;

import io.drover.model.StorageType;

class NodeSettingsTest {
    @Test
    void readsAllModulesOverTheirReferences() {
        final NodeSettings settings = read("""
                drover.cluster { node-name = a, seeds = ["h:1", "h:2"], expected-nodes = 3, memory-budget = 2 GiB }
                drover.engine.kv = bfloat16
                pekko.loglevel = DEBUG
                """);
        assertThat(settings.nodeName()).isEqualTo("a");
        assertThat(settings.modelName()).isEqualTo("demo");
        assertThat(settings.seeds()).isEqualTo(List.of("h:1", "h:2"));
        assertThat(settings.expectedNodes()).isEqualTo(3);
        assertThat(settings.memoryBudgetBytes()).isEqualTo(2L << 30);
        assertThat(settings.host()).isEqualTo("127.0.0.1");
        assertThat(settings.dataHost()).isEqualTo("127.0.0.1");
        assertThat(settings.engine().kvType()).isEqualTo(StorageType.BFLOAT16);
        assertThat(settings.engine().wireType()).isEqualTo(StorageType.FLOAT32);
        assertThat(settings.config().getString("pekko.loglevel")).isEqualTo("DEBUG");
    }

    @Test
    void takesHalfOfTheMachineForExperts() {
        assertThat(read("").memoryBudgetBytes()).isGreaterThan(256L << 20);
    }

    /** A wrong key is not ignored: the message names it, the line, and what was probably meant. */
    @ParameterizedTest
    @CsvSource({"drover.cluster.seed, drover.cluster.seeds", "drover.cluster.nodename, drover.cluster.node-name",
        "drover.engine.kv-type, drover.engine.kv-cache", "drover.stream.mtu, drover.streams.mtu",
        "drover.cluster.port.x, drover.cluster.port"})
    void refusesUnknownKeys(final String key, final String meant) {
        assertThatThrownBy(() -> read("\n" + key + " = 1")).isInstanceOf(SettingsException.class)
                .hasMessageStartingWith("config key " + key + " (")
                .hasMessageContaining(": 3)")
                .hasMessageContaining(" is unknown; the nearest known one is " + meant);
    }

    @ParameterizedTest
    @CsvSource({"cluster.port, 70000, drover.cluster.port = 70000; expected 0 to 65535",
        "cluster.expected-nodes, 0, drover.cluster.expected-nodes = 0; expected at least 1",
        "cluster.weights, elsewhere, drover.cluster.weights = elsewhere; expected files or peers",
        "cluster.node-name, 'a b', drover.cluster.node-name = a b; expected 1 to 63 letters",
        "cluster.seeds, [h], drover.cluster.seeds = h; expected host:port",
        "cluster.seeds, '[\"h:1\", \"h:1\"]', 'drover.cluster.seeds = [h:1, h:1]; expected each address once'",
        "cluster.join-timeout, 0 s, drover.cluster.join-timeout = 0 s; expected a time above 0",
        "cluster.join-timeout, soon, 'join-timeout'", "cluster.port, many, 'port'",
        "engine.kernels, cuda, drover.engine.kernels = cuda: this build has no CUDA kernels; expected auto",
        "engine.kernels, fast, drover.engine.kernels = fast; expected auto",
        "engine.wire, fp8, storage type 'fp8' is unknown; expected float32 or bfloat16",
        "engine.compute-threads, 0, drover.engine.compute-threads is 0; expected at least 1",
        "streams.mtu, 7, mtu"})
    void refusesBadValues(final String key, final String value, final String message) {
        final String quoted = value.startsWith("[") ? value.replace("[h]", "[\"h\"]") : "\"" + value + "\"";
        assertThatThrownBy(() -> read("drover." + key + " = " + quoted)).isInstanceOf(SettingsException.class)
                .hasMessageContaining(message)
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"));
    }

    @Test
    void needsAModel() {
        assertThatThrownBy(() -> NodeSettings.of(ConfigFactory.empty())).isInstanceOf(SettingsException.class)
                .hasMessage("drover.cluster.model-directory = ''; expected the directory of a model");
    }

    private static NodeSettings read(final String text) {
        return NodeSettings.of(ConfigFactory.parseString("drover.cluster.model-directory = /models/demo\n" + text));
    }
}
